package org.skipgpt.spark;

import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.io.Serializable;

/** Tells in words what cannot travel, before Spark does it in its own. */
final class Serialized {
    private Serialized() {}

    /**
     * Writes a value to nowhere.
     *
     * @throws IllegalArgumentException if it holds what cannot be serialized; the message names the class
     */
    static void check(String what, Serializable value) {
        try (ObjectOutputStream out = new ObjectOutputStream(OutputStream.nullOutputStream())) {
            out.writeObject(value);
        } catch (NotSerializableException e) {
            throw new IllegalArgumentException(
                    what + " holds a " + e.getMessage()
                            + ", which cannot travel to executors: a method may use its base, its"
                            + " material, numbers, texts and Serializable values of your own, but no model, workspace or"
                            + " open file of the driver",
                    e);
        } catch (IOException e) {
            throw new IllegalArgumentException(what + " cannot travel to executors: " + e.getMessage(), e);
        }
    }
}
