package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicLong;

/** The law of sources whose bytes are read: they are those that are mapped, and each is counted. */
final class Readings {
    private Readings() {}

    /**
     * Compares all tensors of a source with its reading, which is closed then.
     *
     * @param tensors not closed
     */
    static void check(TensorSource tensors) {
        AtomicLong counted = new AtomicLong();
        String one = tensors.names().iterator().next();
        TensorSource reading = tensors.reading(counted::addAndGet);
        for (String name : tensors.names()) {
            long before = counted.get();

            assertThat(reading.floats(name)).as(name).isEqualTo(tensors.floats(name));
            assertThat(counted.get() - before).as(name).isEqualTo(tensors.storedBytes(name));
        }
        reading.checkUnchanged();
        reading.close();
        assertThatThrownBy(() -> reading.floats(one))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("was closed");
        assertThat(tensors.floats(one)).isNotEmpty();
    }
}
