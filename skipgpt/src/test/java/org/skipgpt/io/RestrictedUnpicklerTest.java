package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RestrictedUnpicklerTest {
    @Test
    void plainValuesAndContainersAreRead() {
        byte[] pickle = Pickles.start()
                .raw("}q\u0000(")
                .text("list")
                .raw(
                        "](K\u0007M\u0001\u0002J\u00ff\u00ff\u00ff\u00ff\u008a\u0002\u0000\u0080NeX\u0001\u0000\u0000\u0000x")
                .raw("\u0088\u0089\u0086u.")
                .bytes();

        Object value = RestrictedUnpickler.read(ByteBuffer.wrap(pickle));

        assertThat(value)
                .isEqualTo(Map.of(
                        "list",
                        List.of(7L, 513L, -1L, -32768L, RestrictedUnpickler.NONE),
                        "x",
                        new RestrictedUnpickler.Tuple(List.of(true, false))));
    }

    @Test
    void aTensorIsDescribed() {
        byte[] pickle = Pickles.tensor("12", 20, 3, new int[] {2, 4}, new int[] {8, 2});

        Object value = RestrictedUnpickler.read(ByteBuffer.wrap(pickle));

        assertThat(value).isInstanceOfSatisfying(PickledTensor.class, tensor -> {
            assertThat(tensor.storage()).isEqualTo(new PickledTensor.Storage("12", ElementFormat.F32, 20));
            assertThat(tensor.shape()).containsExactly(2, 4);
            assertThat(tensor.isContiguous()).isFalse();
            assertThat(tensor.position(5)).isEqualTo(3 + 8 + 2);
        });
    }

    @ParameterizedTest
    @CsvSource({
        "os, system",
        "posix, system",
        "nt, system",
        "subprocess, Popen",
        "builtins, eval",
        "builtins, exec",
        "builtins, getattr",
        "__builtin__, eval",
        "torch, load",
        "torch._utils, _rebuild_tensor_v2.__globals__",
        "torch.storage, _load_from_bytes",
        "collections, OrderedDict.fromkeys",
        "collections, defaultdict",
        "collections.OrderedDict, ''",
        "java.lang, Runtime"
    })
    void anyOtherNameIsRefusedByName(String module, String name) {
        refused(Pickles.start().global(module, name).raw(".").bytes(), "'" + module + "." + name + "'");
    }

    @Test
    void aHostileCallInsideAnHonestDictIsRefused() {
        byte[] pickle = Pickles.start()
                .global("collections", "OrderedDict")
                .raw(")R(")
                .text("weight")
                .global("builtins", "eval")
                .text("__import__('os').system('id')")
                .raw("\u0085Ru.")
                .bytes();

        refused(pickle, "'builtins.eval'");
    }

    @Test
    void operationsThatBuildObjectsAreRefusedByName() {
        refused(Pickles.start().raw("(").text("id").raw("ios\nsystem\n.").bytes(), "INST");
        refused(
                Pickles.start()
                        .raw("(")
                        .global("torch", "FloatStorage")
                        .raw("o.")
                        .bytes(),
                "OBJ");
        refused(
                Pickles.start()
                        .global("collections", "OrderedDict")
                        .raw(")\u0081.")
                        .bytes(),
                "NEWOBJ");
        refused(Pickles.start().text("os").text("system").raw("\u0093.").bytes(), "STACK_GLOBAL");
        refused(Pickles.start().raw("\u0082\u0001.").bytes(), "EXT1");
        refused(Pickles.start().raw("P0\n.").bytes(), "PERSID");
        refused(Pickles.start().text("x").raw("}b.").bytes(), "BUILD");
        refused(Pickles.start().raw("}").text("x").raw("b.").bytes(), "BUILD");
    }

    @Test
    void callsOfAnythingButAKnownNameAreRefused() {
        refused(Pickles.start().text("os.system").text("id").raw("\u0085R.").bytes(), "not a known function");
        refused(Pickles.start().global("torch", "FloatStorage").raw(")R.").bytes(), "'torch.FloatStorage'");
        refused(
                Pickles.start()
                        .global("collections", "OrderedDict")
                        .raw("K\u0001\u0085R.")
                        .bytes(),
                "arguments");
        refused(Pickles.start().global("collections", "OrderedDict").raw("]R.").bytes(), "not a known function");
        refused(Pickles.start().text("0").raw("Q.").bytes(), "unknown way");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\u0080",
                "\u0080\u0004N.",
                "\u0080\u0002",
                "\u0080\u0002.",
                "\u0080\u0002N",
                "\u0080\u0002NN.",
                "\u0080\u0002(N.",
                "\u0080\u0002t.",
                "\u0080\u0002N\u0087.",
                "\u0080\u0002Na.",
                "\u0080\u0002}(Nu.",
                "\u0080\u0002}]Ns.",
                "\u0080\u0002}}Ns.",
                "\u0080\u0002h\u0005.",
                "\u0080\u0002j\u00ff\u00ff\u00ff\u00ff.",
                "\u0080\u0002q\u0005.",
                "\u0080\u0002X\u00ff\u00ff\u00ff\u00ff.",
                "\u0080\u0002X\u00ff\u00ff\u00ff\u007f.",
                "\u0080\u0002X\u0001\u0000\u0000\u0000\u00ff.",
                "\u0080\u0002\u008a\u00ff.",
                "\u0080\u0002cos",
                "\u0080\u0002c\u0000\n\n.",
            })
    void aMalformedPickleIsRefused(String pickle) {
        refused(Pickles.start().raw(pickle).bytes(), "The pickle");
        refused(pickle.getBytes(StandardCharsets.ISO_8859_1), "The pickle");
    }

    @Test
    void tensorsThatLeaveTheirStorageAreRefused() {
        refused(Pickles.tensor("0", 4, 1, new int[] {4}, new int[] {1}), "beyond");
        refused(Pickles.tensor("0", 4, -1, new int[] {2}, new int[] {1}), "negative");
        refused(Pickles.tensor("0", 4, 3, new int[] {2}, new int[] {-1}), "0 or more");
        refused(Pickles.tensor("0", 4, 0, new int[] {-2}, new int[] {1}), "0 or more");
        refused(Pickles.tensor("0", 4, 0, new int[] {2}, new int[] {1, 1}), "same number");
        refused(Pickles.tensor("0", -4, 0, new int[] {2}, new int[] {1}), "-4 elements");
        int most = Integer.MAX_VALUE;
        refused(Pickles.tensor("0", 4, 0, new int[] {most, most, most}, new int[] {most, most, most}), "beyond");
        refused(Pickles.tensor("0", 4, 0, new int[] {most, most}, new int[] {0, 0}), "expand()");
    }

    @Test
    void containersAsSizesAreToldWithoutWalkingThem() {
        // (storage, 0, sizes, strides) where the sizes are forty tuples of the one before twice, or a list in itself
        StringBuilder shared = new StringBuilder(")q\u0000");
        for (int i = 0; i < 40; i++) {
            shared.append("h" + (char) i + "h" + (char) i + "\u0086q" + (char) (i + 1));
        }
        for (String sizes : List.of(shared + "\u0085", "]q\u0000h\u0000a\u0085")) {
            byte[] pickle = Pickles.start()
                    .global("torch._utils", "_rebuild_tensor_v2")
                    .raw("((")
                    .text("storage")
                    .global("torch", "FloatStorage")
                    .text("0")
                    .text("cpu")
                    .number(4)
                    .raw("tQ")
                    .number(0)
                    .raw("(" + sizes + "t")
                    .numbers(1)
                    .raw("\u0089")
                    .global("collections", "OrderedDict")
                    .raw(")RtR.")
                    .bytes();

            assertThat(pickle.length).isLessThan(450);
            refused(pickle, "sizes or strides");
        }
    }

    @Test
    void aPickleMakesSomeValuesOnly() {
        refused(Pickles.start().raw("}".repeat(5_000_000)).bytes(), "4000000 values");
        refused(Pickles.start().raw("(".repeat(5_000_000)).bytes(), "4000000 values");
    }

    @Test
    void aLongKeyOverSharedContainersIsRefused() {
        Pickles nested = Pickles.start().raw("}(");
        nested.text("k".repeat(600)).raw("}(").text("k".repeat(600)).raw("Nuu.");
        Object value = RestrictedUnpickler.read(ByteBuffer.wrap(nested.bytes()));
        assertThatThrownBy(() -> TorchFile.tensors(value))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("name of 1201 characters");
    }

    @Test
    void sharedValuesThatUnfoldWithoutEndAreHarmless() {
        // forty dicts, each holding the one before it twice, and a list that holds itself
        Pickles pickle = Pickles.start().raw("}q\u0000");
        for (int i = 0; i < 40; i++) {
            pickle.raw("}(")
                    .text("a")
                    .raw("h" + (char) i)
                    .text("b")
                    .raw("h" + (char) i)
                    .raw("uq" + (char) (i + 1));
        }
        byte[] bomb = Pickles.start().raw("](").raw(body(pickle)).raw("e.").bytes();
        byte[] loop = Pickles.start().raw("]q\u0000h\u0000a.").bytes();

        assertThat(RestrictedUnpickler.read(ByteBuffer.wrap(bomb))).isInstanceOf(List.class);
        assertThat(RestrictedUnpickler.read(ByteBuffer.wrap(loop))).isInstanceOf(List.class);
        for (byte[] hostile : List.of(bomb, loop)) {
            Object value = RestrictedUnpickler.read(ByteBuffer.wrap(hostile));
            assertThatThrownBy(() -> TorchFile.tensors(value))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("nests more than");
        }
    }

    @Test
    void randomOperationsNeverCauseAnotherFailure() {
        Random random = new Random(7);
        String operations = "(}])tlaesuqrhjcQRbNKMJGX.\u0085\u0086\u0087\u0088\u0089\u008a0129io\u0081\u0093";
        int refused = 0;

        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(40); n > 0; n--) {
                text.append(
                        random.nextInt(4) == 0
                                ? (char) random.nextInt(256)
                                : operations.charAt(random.nextInt(operations.length())));
            }
            try {
                RestrictedUnpickler.read(
                        ByteBuffer.wrap(Pickles.start().raw(text.toString()).bytes()));
            } catch (CheckpointException e) {
                refused++;
            }
        }

        assertThat(refused).isGreaterThan(15_000);
    }

    private static String body(Pickles pickle) {
        return new String(pickle.bytes(), StandardCharsets.ISO_8859_1).substring(2);
    }

    private static void refused(byte[] pickle, String reason) {
        assertThatThrownBy(() -> RestrictedUnpickler.read(ByteBuffer.wrap(pickle)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(reason);
    }
}
