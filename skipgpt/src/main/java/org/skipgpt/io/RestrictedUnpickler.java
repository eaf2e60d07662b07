package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads a pickle of protocol 2 that holds tensors, plain values and containers, and refuses everything else.
 *
 * <p>A pickle is a program for a small stack machine that may name and call any Python function. Here a name is only
 * text: the handful that torch.save needs for tensors is known by heart, any other ends the reading with its name, and
 * nothing is looked up, loaded or called. Every operation costs a bounded amount of memory.
 */
final class RestrictedUnpickler {
    /** The longest pickle that is read; tensors' elements lie outside it. */
    static final int MAX_BYTES = 64_000_000;

    /** The most values that are made: each takes a byte of the pickle and a hundred of memory. */
    static final int MOST_VALUES = 4_000_000;

    /** Python's None. */
    static final Object NONE = new Object() {
        @Override
        public String toString() {
            return "None";
        }
    };

    private static final Map<String, ElementFormat> STORAGES = Map.of(
            "torch.DoubleStorage", ElementFormat.F64,
            "torch.FloatStorage", ElementFormat.F32,
            "torch.HalfStorage", ElementFormat.F16,
            "torch.BFloat16Storage", ElementFormat.BF16,
            "torch.LongStorage", ElementFormat.I64,
            "torch.IntStorage", ElementFormat.I32,
            "torch.ShortStorage", ElementFormat.I16,
            "torch.CharStorage", ElementFormat.I8,
            "torch.ByteStorage", ElementFormat.U8,
            "torch.BoolStorage", ElementFormat.BOOL);
    private static final String DICT = "collections.OrderedDict";
    private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
    private static final String PARAMETER = "torch._utils._rebuild_parameter";
    private static final Set<String> CALLABLE = Set.of(DICT, TENSOR, PARAMETER);

    private final PickleInput in;
    private final Map<Integer, Object> memo = new HashMap<>();
    private final Map<String, PickledTensor.Storage> storages = new HashMap<>();
    private final List<List<Object>> marks = new ArrayList<>();
    private List<Object> stack = new ArrayList<>();
    private int made;

    /** A name that the pickle may use. */
    private record Global(String name) {}

    /** A Python tuple; its own type, so that it is never changed and never taken for a list. */
    record Tuple(List<Object> items) {
        @Override
        public String toString() {
            return "a tuple of " + items.size(); // items may nest without end: never walk them for a message
        }
    }

    private RestrictedUnpickler(ByteBuffer bytes) {
        this.in = new PickleInput(bytes);
    }

    /**
     * The value that a pickle holds: a {@code Map}, {@code List}, {@link Tuple}, {@link PickledTensor}, {@code String},
     * {@code Long}, {@code Double}, {@code Boolean} or {@link #NONE}.
     *
     * @throws CheckpointException if the pickle is malformed or asks for anything that is not allowed
     */
    static Object read(ByteBuffer bytes) {
        if (bytes.remaining() > MAX_BYTES) {
            throw PickleInput.refused("it has " + bytes.remaining() + " bytes; up to " + MAX_BYTES + " are read");
        }
        return new RestrictedUnpickler(bytes).run();
    }

    private Object run() {
        if (in.unsignedByte() != 0x80 || in.unsignedByte() != 2) {
            throw PickleInput.refused("it is not of protocol 2, which torch.save writes unless told otherwise");
        }
        while (true) {
            int op = in.unsignedByte();
            if (op == '.') {
                Object result = pop();
                if (!stack.isEmpty() || !marks.isEmpty()) {
                    throw PickleInput.refused("it ends with more than one value");
                }
                return result;
            }
            if (!value(op) && !container(op) && !memory(op)) {
                step(op);
            }
        }
    }

    /** Operations that push one plain value. */
    private boolean value(int op) {
        switch (op) {
            case 'N' -> push(NONE);
            case 0x88 -> push(true);
            case 0x89 -> push(false);
            case 'K' -> push((long) in.unsignedByte());
            case 'M' -> push((long) in.unsignedShort());
            case 'J' -> push((long) in.signedInt());
            case 0x8a -> push(in.longValue());
            case 'G' -> push(in.bigEndianDouble());
            case 'X' -> push(in.text());
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Operations that make or fill containers. */
    private boolean container(int op) {
        switch (op) {
            case '(' -> {
                count();
                marks.add(stack);
                stack = new ArrayList<>();
            }
            case '}' -> push(new LinkedHashMap<>());
            case ']' -> push(new ArrayList<>());
            case ')' -> push(new Tuple(List.of()));
            case 't' -> push(new Tuple(popMark()));
            case 0x85, 0x86, 0x87 -> {
                int from = stack.size() - (op - 0x84);
                if (from < 0) {
                    throw underflow();
                }
                List<Object> last = stack.subList(from, stack.size());
                Tuple tuple = new Tuple(new ArrayList<>(last));
                last.clear();
                push(tuple);
            }
            case 'a' -> append(List.of(pop()));
            case 'e' -> append(popMark());
            case 's' -> {
                Object item = pop();
                put(List.of(pop(), item));
            }
            case 'u' -> put(popMark());
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean memory(int op) {
        switch (op) {
            case 'q' -> memo.put(in.unsignedByte(), top());
            case 'r' -> memo.put(in.signedInt(), top());
            case 'h' -> push(remembered(in.unsignedByte()));
            case 'j' -> push(remembered(in.signedInt()));
            default -> {
                return false;
            }
        }
        return true;
    }

    private void step(int op) {
        switch (op) {
            case 'c' -> push(global(in.line(), in.line()));
            case 'Q' -> push(storage(pop()));
            case 'R' -> {
                Object arguments = pop();
                push(call(pop(), arguments));
            }
            case 'b' -> {
                // a state_dict carries its modules' versions as attributes of the dict: no part of the tensors
                Object state = pop();
                if (!(state instanceof Map) || !(top() instanceof Map)) {
                    throw PickleInput.refused("it sets attributes (BUILD) of something that is not a dict");
                }
            }
            default ->
                throw PickleInput.refused(
                        String.format("it uses the operation 0x%02x (%s)", op, PickleOperations.name(op)));
        }
    }

    private static Global global(String module, String name) {
        String full = module + "." + name;
        if (!CALLABLE.contains(full) && !STORAGES.containsKey(full)) {
            throw PickleInput.refused("it asks for '" + full + "'");
        }
        return new Global(full);
    }

    private PickledTensor.Storage storage(Object id) {
        boolean known = id instanceof Tuple tuple
                && tuple.items.size() == 5
                && tuple.items.get(0).equals("storage")
                && tuple.items.get(1) instanceof Global
                && tuple.items.get(2) instanceof String
                && tuple.items.get(4) instanceof Long;
        if (!known) {
            throw PickleInput.refused("it names a storage in an unknown way");
        }
        List<Object> items = ((Tuple) id).items;
        ElementFormat format = STORAGES.get(((Global) items.get(1)).name);
        long elements = (Long) items.get(4);
        if (format == null || elements < 0) {
            throw PickleInput.refused("it names a storage of " + elements + " elements of " + items.get(1));
        }
        var storage = new PickledTensor.Storage((String) items.get(2), format, elements);
        var before = storages.putIfAbsent(storage.key(), storage);
        if (before != null && !before.equals(storage)) {
            throw PickleInput.refused("it describes storage '" + storage.key() + "' in two ways");
        }
        return storage;
    }

    private static Object call(Object callable, Object arguments) {
        if (!(callable instanceof Global global) || !(arguments instanceof Tuple tuple)) {
            throw PickleInput.refused("it calls something that is not a known function");
        }
        List<Object> items = tuple.items;
        if (global.name.equals(DICT) && items.isEmpty()) {
            return new LinkedHashMap<>();
        }
        if (global.name.equals(PARAMETER) && items.size() == 3 && items.get(0) instanceof PickledTensor tensor) {
            return tensor;
        }
        if (global.name.equals(TENSOR)
                && (items.size() == 6 || items.size() == 7)
                && items.get(0) instanceof PickledTensor.Storage storage
                && items.get(1) instanceof Long offset
                && items.get(2) instanceof Tuple shape
                && items.get(3) instanceof Tuple strides) {
            return PickledTensor.of(storage, offset, shape.items, strides.items);
        }
        throw PickleInput.refused("it calls '" + global.name + "' with arguments that torch.save does not write");
    }

    @SuppressWarnings("unchecked") // only this class makes the lists
    private void append(List<Object> items) {
        if (!(top() instanceof List)) {
            throw PickleInput.refused("it appends to something that is not a list");
        }
        ((List<Object>) top()).addAll(items);
    }

    @SuppressWarnings("unchecked") // only this class makes the maps
    private void put(List<Object> pairs) {
        if (!(top() instanceof Map) || pairs.size() % 2 != 0) {
            throw PickleInput.refused("it sets items of something that is not a dict, or without their keys");
        }
        for (int i = 0; i < pairs.size(); i += 2) {
            Object key = pairs.get(i);
            if (!(key instanceof String || key instanceof Long || key instanceof Boolean)) {
                throw PickleInput.refused("it uses a key that is neither text nor a whole number");
            }
            ((Map<Object, Object>) top()).put(key, pairs.get(i + 1));
        }
    }

    private void push(Object value) {
        count();
        stack.add(value);
    }

    private void count() {
        if (++made > MOST_VALUES) {
            throw PickleInput.refused("it makes more than " + MOST_VALUES + " values");
        }
    }

    private Object top() {
        if (stack.isEmpty()) {
            throw underflow();
        }
        return stack.get(stack.size() - 1);
    }

    private Object pop() {
        Object value = top();
        stack.remove(stack.size() - 1);
        return value;
    }

    private List<Object> popMark() {
        if (marks.isEmpty()) {
            throw underflow();
        }
        List<Object> items = stack;
        stack = marks.remove(marks.size() - 1);
        return items;
    }

    private Object remembered(int index) {
        Object value = memo.get(index);
        if (value == null) {
            throw PickleInput.refused(
                    "it recalls value " + Integer.toUnsignedString(index) + ", which it never stored");
        }
        return value;
    }

    private static CheckpointException underflow() {
        return PickleInput.refused("it takes more values than it made");
    }
}
