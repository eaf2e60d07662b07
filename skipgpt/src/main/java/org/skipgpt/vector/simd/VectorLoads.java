package org.skipgpt.vector.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;
import org.skipgpt.vector.RowMemory;

/**
 * Vectors from memory outside the heap, on every Java from 17 on.
 *
 * <p>Java 17 reads them from byte buffers; later ones have lost that method and read them from memory segments, which 17 does not
 * have. A handle that is a constant costs nothing once compiled.
 */
final class VectorLoads {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    static final VectorSpecies<Integer> INTEGERS = FLOATS.withLanes(int.class);
    private static final boolean SEGMENTS = hasSegments();
    private static final MethodHandle FLOAT_LOAD = load(FloatVector.class, FLOATS);
    private static final MethodHandle WIDE_WORD_LOAD = load(IntVector.class, INTEGERS);

    private static final MethodHandle WORD_LOAD = load(IntVector.class, IntVector.SPECIES_256);

    private VectorLoads() {}

    private static boolean hasSegments() {
        try {
            Class.forName("java.lang.foreign.MemorySegment");
            return true;
        } catch (ClassNotFoundException e) {
            return false; // Java 17 or 18
        }
    }

    /** (memory, offset in bytes) to a vector. */
    private static MethodHandle load(Class<?> vector, VectorSpecies<?> species) {
        try {
            Class<?> memory = SEGMENTS ? Class.forName("java.lang.foreign.MemorySegment") : ByteBuffer.class;
            Class<?> offset = SEGMENTS ? long.class : int.class;
            MethodHandle found = MethodHandles.publicLookup()
                    .findStatic(
                            vector,
                            SEGMENTS ? "fromMemorySegment" : "fromByteBuffer",
                            MethodType.methodType(vector, VectorSpecies.class, memory, offset, ByteOrder.class));
            MethodHandle bound = MethodHandles.insertArguments(
                    MethodHandles.insertArguments(found, 0, species), 2, ByteOrder.nativeOrder());
            return MethodHandles.explicitCastArguments(bound, MethodType.methodType(vector, Object.class, int.class));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this Java reads vectors in another way than 17 to 25 do", e);
        }
    }

    /** Memory as the loads below take it. */
    static RowMemory memory(ByteBuffer direct) {
        ByteBuffer bytes = direct.duplicate().order(ByteOrder.nativeOrder());
        if (!SEGMENTS) {
            return new RowMemory(bytes, bytes);
        }
        try {
            Object segment = Class.forName("java.lang.foreign.MemorySegment")
                    .getMethod("ofBuffer", Buffer.class)
                    .invoke(null, bytes);
            return new RowMemory(bytes, segment);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this Java has memory segments but makes none of a buffer", e);
        }
    }

    /** Fp32 numbers from a byte on. */
    static FloatVector floats(Object view, int at) {
        try {
            return (FloatVector) FLOAT_LOAD.invokeExact(view, at);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** As many words of 32 bits from a byte on as {@link #FLOATS} has lanes. */
    static IntVector wideWords(Object view, int at) {
        try {
            return (IntVector) WIDE_WORD_LOAD.invokeExact(view, at);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** Eight words of 32 bits from a byte on. */
    static IntVector words(Object view, int at) {
        try {
            return (IntVector) WORD_LOAD.invokeExact(view, at);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private static RuntimeException failed(Throwable e) {
        if (e instanceof RuntimeException unchecked) {
            return unchecked;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a vector could not be read", e);
    }
}
