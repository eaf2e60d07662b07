package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.kernel.client.KernelClient;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.Connection;
import org.skipgpt.kernel.wire.KernelSockets;
import org.skipgpt.kernel.wire.WireMessage;

/** The thread that answers goes on answering, whatever is thrown outside of a cell. */
class ShellWorkerTest {
    static Stream<Error> errors() {
        return Stream.of(
                new OutOfMemoryError("Java heap space"),
                new StackOverflowError(),
                new AssertionError("never"),
                new Unspeakable());
    }

    @ParameterizedTest
    @MethodSource("errors")
    void anErrorOfARequestIsItsAnswer(Error error) throws Exception {
        try (Answering kernel = new Answering(error)) {
            JsonObject reply = kernel.ask("shutdown_request");

            assertThat(reply.get("status").getAsString()).isEqualTo("error");
            assertThat(reply.get("ename").getAsString())
                    .isEqualTo(error.getClass().getName());
            assertThat(kernel.ask("kernel_info_request").get("status").getAsString())
                    .isEqualTo("ok");
        }
    }

    @ParameterizedTest
    @MethodSource("errors")
    void anErrorOutsideOfAllRequestsLeavesTheNextOneItsAnswer(Error error) throws Exception {
        try (Answering kernel = new Answering(error)) {
            WireMessage request = WireMessage.of("session", "execute_request", new JsonObject());
            request.header().add("deep", new Failing(error)); // thrown as the kernel tells that it is busy
            kernel.worker.arrived(request);

            assertThat(kernel.ask("kernel_info_request").get("status").getAsString())
                    .isEqualTo("ok");
        }
    }

    /** An error that cannot even be told. */
    private static final class Unspeakable extends Error {
        private static final long serialVersionUID = 1;

        @Override
        public String getMessage() {
            throw new Unspeakable();
        }
    }

    /** A piece of a message that fails where it is written. */
    private static final class Failing extends JsonElement {
        private final Error error;

        @SuppressWarnings("deprecation") // no other class of elements can fail
        Failing(Error error) {
            this.error = error;
        }

        @Override
        public JsonElement deepCopy() {
            return this;
        }

        @Override
        public boolean isJsonNull() {
            throw error;
        }
    }

    /** The part of a kernel that answers, with no engine behind it; a request to shut down throws. */
    private static final class Answering implements AutoCloseable {
        private final KernelSockets sockets;
        private final KernelClient client;
        private final ShellWorker worker;

        Answering(Error error) throws Exception {
            Connection connection = Connection.local();
            AtomicReference<ShellWorker> made = new AtomicReference<>();
            sockets = new KernelSockets(
                    connection,
                    "session",
                    (channel, message) -> Objects.requireNonNull(made.get()).arrived(message),
                    line -> {});
            Publisher publisher = new Publisher(sockets, "session");
            Prompt prompt = new Prompt(sockets, "session", publisher);
            History history = new History();
            JavaKernel kernel = new JavaKernel(publisher, prompt, history);
            worker = new ShellWorker(
                    sockets, "session", publisher, new Requests(kernel, publisher, prompt, history), request -> {
                        throw error;
                    });
            made.set(worker);
            sockets.start();
            worker.start();
            client = new KernelClient(connection);
            client.awaitReady(LiveKernel.LIMIT);
        }

        JsonObject ask(String type) throws Exception {
            return client.ask(Channel.SHELL, type, new JsonObject(), LiveKernel.LIMIT)
                    .content();
        }

        @Override
        public void close() {
            client.close();
            sockets.close();
        }
    }
}
