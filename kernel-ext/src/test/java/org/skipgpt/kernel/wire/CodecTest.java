package org.skipgpt.kernel.wire;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CodecTest {
    private final Codec codec = new Codec("hmac-sha256", "secret");

    @Test
    void aMessageSurvivesTheWire() {
        JsonObject content = new JsonObject();
        content.addProperty("code", "\"größer\" 🦙");
        WireMessage message =
                WireMessage.of("session", "execute_request", content).to(List.of(new byte[] {1, 2}));

        WireMessage read = codec.decode(codec.encode(message));

        assertThat(read.content()).isEqualTo(content);
        assertThat(read.header()).isEqualTo(message.header());
        assertThat(read.identities().get(0)).containsExactly(1, 2);
        assertThat(read.answer("other", "execute_reply", new JsonObject()).parentId())
                .isEqualTo(message.id());
    }

    @Test
    void refusesChangedForeignAndShortMessages() {
        WireMessage message = WireMessage.of("session", "execute_request", new JsonObject());
        List<byte[]> changed = new ArrayList<>(codec.encode(message));
        changed.set(changed.size() - 1, "{\"code\":\"1\"}".getBytes(UTF_8));

        assertThatThrownBy(() -> codec.decode(changed))
                .isInstanceOf(WireException.class)
                .hasMessageContaining("signature");
        assertThatThrownBy(() -> codec.decode(new Codec("hmac-sha256", "other").encode(message)))
                .isInstanceOf(WireException.class);
        assertThatThrownBy(() -> codec.decode(new Codec("hmac-sha256", "").encode(message)))
                .isInstanceOf(WireException.class);
        assertThatThrownBy(() -> codec.decode(List.of())).hasMessageContaining("too short");
        assertThatThrownBy(() -> new Codec("hmac-nonsense", "k")).hasMessageContaining("hmac-sha256");
    }
}
