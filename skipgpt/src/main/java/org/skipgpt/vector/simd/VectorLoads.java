package org.skipgpt.vector.simd;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
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

    private static final VectorSpecies<Integer> INTEGERS = FLOATS.withLanes(int.class);
    private static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 4));
    private static final boolean SEGMENTS = hasSegments();
    private static final MethodHandle FLOAT_LOAD = load(FloatVector.class, FLOATS);
    private static final MethodHandle SHORT_LOAD = load(ShortVector.class, SHORTS);

    private static final MethodHandle BYTE_LOAD = load(ByteVector.class, BYTES);

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

    /** Bf16 numbers from a byte on, widened: they are the upper halves of fp32 ones. */
    static FloatVector halves(Object view, int at) {
        try {
            ShortVector halves = (ShortVector) SHORT_LOAD.invokeExact(view, at);
            IntVector upper = (IntVector) halves.convertShape(VectorOperators.S2I, INTEGERS, 0);
            return upper.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** Signed bytes from a byte on, as integers. */
    static IntVector bytes(Object view, int at) {
        try {
            ByteVector bytes = (ByteVector) BYTE_LOAD.invokeExact(view, at);
            return (IntVector) bytes.convertShape(VectorOperators.B2I, INTEGERS, 0);
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
