package org.skipgpt.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.vector.RowKernels.Activation;

/** The kernels against sums in fp64, for widths that fill vectors and widths that do not. */
class RowKernelsTest {
    /** Sums of at most 300 numbers around 1 in fp32. */
    private static final Offset<Double> ROUNDING = within(2e-4);

    private static final float[] NONE = {};

    // The build starts tests with the module; where one runs without, this says what to add.
    private final RowKernels kernels = Vectors.kernels()
            .orElseThrow(() -> new AssertionError(Vectors.missing().orElse("")));

    private final Random random = new Random(3);

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 16, 17, 48, 64, 100, 129, 300})
    void aProductIsTheSumOfProducts(int columns) {
        for (boolean halves : new boolean[] {false, true}) {
            int rows = 5;
            float[] w = numbers(rows * columns, halves);
            float[] x = numbers(columns, false);
            float[] plus = halves ? NONE : numbers(rows, false);
            float[] out = new float[rows];
            out[0] = -7;

            kernels.product(matrix(w, rows, columns, halves), x, plus, out, 1, rows);

            assertThat(out[0]).as("a row outside the part").isEqualTo(-7);
            for (int row = 1; row < rows; row++) {
                assertThat((double) out[row])
                        .as("row %d, bf16 %s", row, halves)
                        .isCloseTo((halves ? 0 : plus[row]) + dot(w, row * columns, x, columns), ROUNDING);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1"})
    void aProductOverBlocksIsThatOfTheirNumbers(RowFormat format) {
        for (int columns : new int[] {32, 64, 96, 288}) {
            int rows = 5;
            ByteBuffer bytes =
                    ByteBuffer.allocateDirect(rows * format.rowBytes(columns)).order(ByteOrder.nativeOrder());
            for (int at = 0; at < bytes.capacity(); at++) {
                int inBlock = at % format.blockBytes();
                boolean scale = inBlock == 1 || (format == RowFormat.Q4_1 && inBlock == 3);
                // scales around 0.01, of either sign
                bytes.put(at, (byte) (scale ? 0x20 | (random.nextBoolean() ? 0x80 : 0) : random.nextInt(256)));
            }
            RowMatrix w = kernels.matrix(bytes, rows, columns, format);
            float[] x = numbers(columns, false);
            float[] out = new float[rows];

            kernels.product(w, x, NONE, out, 0, rows);

            float[] numbers = new float[columns];
            for (int row = 0; row < rows; row++) {
                w.read(row, numbers);
                assertThat((double) out[row])
                        .as("row %d of %d columns", row, columns)
                        .isCloseTo(dot(numbers, 0, x, columns), ROUNDING);
            }
        }
    }

    @Test
    void halvesHaveTheValuesOfTheirBits() {
        assertThat(RowFormat.half((short) 0x3C00)).isEqualTo(1);
        assertThat(RowFormat.half((short) 0xC180)).isEqualTo(-2.75f);
        assertThat(RowFormat.half((short) 1)).isEqualTo(0x1p-24f);
        assertThat(RowFormat.half((short) 0x8000)).isEqualTo(-0f);
        assertThat(RowFormat.half((short) 0x7BFF)).isEqualTo(65504);
    }

    @Test
    void rowsOfNoWholeBlocksAreRefused() {
        assertThatThrownBy(() -> RowFormat.Q4_0.rowBytes(48))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("48 columns are no whole blocks of 32 numbers of Q4_0");
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 16, 44})
    void anMlpsMiddleIsTheActivatedGateTimesUp(int hidden) {
        int columns = 20;
        for (Activation activation : Activation.values()) {
            float[] w = numbers(2 * hidden * columns, false);
            float[] x = numbers(columns, false);
            float[] plus = numbers(2 * hidden, false);
            float[] out = new float[hidden];

            kernels.gated(matrix(w, 2 * hidden, columns, false), activation, x, plus, out, 0, hidden);

            for (int i = 0; i < hidden; i++) {
                double gate = plus[i] + dot(w, i * columns, x, columns);
                double up = plus[hidden + i] + dot(w, (hidden + i) * columns, x, columns);
                double act = activation == Activation.SILU
                        ? gate / (1 + Math.exp(-gate))
                        : 0.5 * gate * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (gate + 0.044715 * Math.pow(gate, 3))));
                assertThat((double) out[i]).as("%s %d", activation, i).isCloseTo(act * up, ROUNDING);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {6, 16, 64, 80})
    void attentionWeighsValuesByTheSoftmaxOfScores(int width) {
        int first = 3;
        for (float cap : new float[] {0, 2}) {
            for (int count : new int[] {1, 15, 16, 33}) {
                float[] keys = numbers(first + count * width, false);
                float[] values = numbers(first + count * width, false);
                float[] query = numbers(2 * width, false);
                float[] out = new float[2 * width];

                kernels.attend(
                        query,
                        1,
                        width,
                        memory(keys, false),
                        memory(values, false),
                        first,
                        count,
                        0.3f,
                        cap,
                        new float[count + 64],
                        out);

                double[] weights = new double[count];
                double sum = 0;
                for (int key = 0; key < count; key++) {
                    double score = 0;
                    for (int i = 0; i < width; i++) {
                        score += 0.3 * query[width + i] * keys[first + key * width + i];
                    }
                    weights[key] = Math.exp(cap == 0 ? score : cap * Math.tanh(score / cap));
                    sum += weights[key];
                }
                for (int i = 0; i < width; i++) {
                    double expected = 0;
                    for (int key = 0; key < count; key++) {
                        expected += weights[key] / sum * values[first + key * width + i];
                    }
                    assertThat((double) out[width + i])
                            .as("%d keys, cap %s, number %d", count, cap, i)
                            .isCloseTo(expected, ROUNDING);
                    assertThat(out[i]).as("another head").isZero();
                }
            }
        }
    }

    @Test
    void aCapBoundsEveryNumberAndLeavesTheOthers() {
        float[] x = numbers(41, false);
        float[] capped = x.clone();

        kernels.cap(capped, 0.5f, 2, 40);

        for (int i = 0; i < x.length; i++) {
            double expected = i < 2 || i == 40 ? x[i] : 0.5 * Math.tanh(x[i] / 0.5);
            assertThat((double) capped[i]).as("number %d", i).isCloseTo(expected, ROUNDING);
        }
    }

    @Test
    void squaresAreSummedInTheirPart() {
        float[] x = numbers(77, false);
        double sum = 0;
        for (int i = 5; i < 75; i++) {
            sum += (double) x[i] * x[i];
        }
        assertThat((double) kernels.squares(x, 5, 70)).isCloseTo(sum, ROUNDING);
    }

    @Test
    void aRowIsReadAndPartsCoverAMatrix() {
        for (boolean halves : new boolean[] {false, true}) {
            float[] w = numbers(3 * 10, halves);
            float[] row = new float[10];
            matrix(w, 3, 10, halves).read(2, row);
            assertThat(row).containsExactly(Arrays.copyOfRange(w, 20, 30));
        }
        RowMatrix wide = matrix(new float[3 * 20000], 3, 20000, false);
        assertThat(wide.partRows()).isEqualTo(1);
        assertThat(wide.parts()).isEqualTo(3);
    }

    @Test
    void memoryOfAnotherSizeIsRefused() {
        assertThatThrownBy(() -> matrix(new float[6], 2, 4, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 x 4")
                .hasMessageContaining("32 bytes")
                .hasMessageContaining("24");
    }

    private RowMatrix matrix(float[] numbers, int rows, int columns, boolean halves) {
        RowFormat format = halves ? RowFormat.BF16 : RowFormat.FP32;
        return new RowMatrix(memory(numbers, halves), rows, columns, format);
    }

    private RowMemory memory(float[] numbers, boolean halves) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(numbers.length * (halves ? 2 : 4)).order(ByteOrder.nativeOrder());
        for (float number : numbers) {
            if (halves) {
                bytes.putShort((short) (Float.floatToIntBits(number) >>> 16));
            } else {
                bytes.putFloat(number);
            }
        }
        return kernels.memory(bytes.flip());
    }

    /** Numbers of -1..1, such as bf16 has where asked for. */
    private float[] numbers(int count, boolean halves) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            float number = 2 * random.nextFloat() - 1;
            numbers[i] = halves ? Float.intBitsToFloat(Float.floatToIntBits(number) & 0xFFFF0000) : number;
        }
        return numbers;
    }

    private static double dot(float[] w, int from, float[] x, int count) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += (double) w[from + i] * x[i];
        }
        return sum;
    }
}
