package org.skipgpt.io;

import java.util.Arrays;
import java.util.List;

/**
 * What a pickle says about one tensor: a strided view of a storage.
 *
 * @param storage the entry of the archive that holds the elements
 * @param offset the view's first element in the storage
 * @param shape sizes, outermost first
 * @param strides steps in elements, one for each size, 0 or more
 */
record PickledTensor(Storage storage, long offset, long[] shape, long[] strides) {
    private static final long MOST_REPEATED = 1 << 24;

    /** A run of elements of one format. */
    record Storage(String key, ElementFormat format, long elements) {}

    /**
     * Checks that every element of the view lies inside the storage, and that a view which repeats elements is of a modest
     * size: a step of 0 would make a file of a hundred bytes ask for all memory.
     */
    static PickledTensor of(Storage storage, long offset, List<?> sizes, List<?> steps) {
        long[] shape = numbers(sizes);
        long[] strides = numbers(steps);
        if (offset < 0 || shape.length != strides.length) {
            throw new CheckpointException("A tensor of the pickle begins at element " + offset + " with shape " + sizes
                    + " and strides " + steps + "; none may be negative and both have the same number of entries."
                    + " Save the file again.");
        }
        long last = offset;
        boolean empty = false;
        try {
            for (int i = 0; i < shape.length; i++) {
                empty |= shape[i] == 0;
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape[i] - 1), strides[i]));
            }
        } catch (ArithmeticException e) {
            last = Long.MAX_VALUE;
        }
        if (!empty && last >= storage.elements) {
            throw new CheckpointException("A tensor of the pickle with shape " + sizes + " and strides " + steps
                    + " from element " + offset + " on reaches beyond the " + storage.elements
                    + " elements of its storage. Save the file again.");
        }
        if (!empty && product(shape) > Math.max(storage.elements, MOST_REPEATED)) {
            throw new CheckpointException("A tensor of the pickle with shape " + sizes + " and strides " + steps
                    + " repeats the " + storage.elements
                    + " elements of its storage, as expand() makes it, to more than "
                    + MOST_REPEATED + ". Save it with contiguous().");
        }
        return new PickledTensor(storage, offset, shape, strides);
    }

    private static double product(long[] shape) {
        return Arrays.stream(shape).asDoubleStream().reduce(1, (a, b) -> a * b);
    }

    /** Whether the elements follow each other in row-major order. */
    boolean isContiguous() {
        long expected = 1;
        for (int i = shape.length - 1; i >= 0; i--) {
            if (shape[i] == 0) {
                return true;
            }
            if (shape[i] != 1 && strides[i] != expected) {
                return false;
            }
            expected *= shape[i];
        }
        return true;
    }

    /** Where the n-th element in row-major order lies in the storage. */
    long position(long n) {
        long at = offset;
        long rest = n;
        for (int i = shape.length - 1; i >= 0; i--) {
            at += rest % shape[i] * strides[i];
            rest /= shape[i];
        }
        return at;
    }

    private static long[] numbers(List<?> values) {
        boolean sizes = values.stream().allMatch(value -> value instanceof Long size && size >= 0);
        if (!sizes || values.size() > 64) {
            // Containers may hold each other without end: a message tells what they are and never what they hold.
            List<Object> shown = values.stream()
                    .limit(8)
                    .map(value ->
                            value instanceof Long ? value : value.getClass().getSimpleName())
                    .toList();
            throw new CheckpointException("The pickle gives " + values.size() + " values " + shown
                    + " as a tensor's sizes or strides; up to 64 whole numbers of 0 or more are allowed."
                    + " Save the file again.");
        }
        return values.stream().mapToLong(value -> (Long) value).toArray();
    }

    @Override
    public String toString() {
        return storage.format + Arrays.toString(shape);
    }
}
