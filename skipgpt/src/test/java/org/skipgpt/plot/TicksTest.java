package org.skipgpt.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.knowm.xchart.XYChart;

class TicksTest {
    /** 1, 2 or 5 times a power of ten. */
    private static boolean round(double step) {
        double lead = step / Math.pow(10, Math.floor(Math.log10(step) + 1e-9));
        return Arrays.stream(new double[] {1, 2, 5, 10}).anyMatch(a -> Math.abs(a - lead) < 1e-6);
    }

    @Test
    void stepsAreTheNextRoundOnes() {
        Random random = new Random(5);
        for (int i = 0; i < 1000; i++) {
            double least = Math.pow(10, 12 * random.nextDouble() - 6);

            double step = Ticks.step(least);

            assertThat(round(step)).as("%s for %s", step, least).isTrue();
            assertThat(step).isBetween(least * (1 - 1e-8), 2.5 * least);
        }
        assertThat(Ticks.step(7)).isEqualTo(10);
        assertThat(Ticks.step(5)).isEqualTo(5);
        assertThat(Ticks.step(0.02)).isCloseTo(0.02, within(1e-12));
    }

    @Test
    void ticksLieWithinTheRangeAndAreFew() {
        Random random = new Random(6);
        for (int i = 0; i < 1000; i++) {
            double low = 20 * random.nextDouble() - 10;
            double high = low + Math.pow(10, 6 * random.nextDouble() - 3);

            double[] ticks = Ticks.between(low, high, 5);

            assertThat(ticks.length).isBetween(2, 6);
            assertThat(ticks[0]).isBetween(low - 1e-9, high);
            assertThat(ticks[ticks.length - 1]).isBetween(low, high + 1e-9);
            assertThat(round(ticks[1] - ticks[0])).isTrue();
        }
        assertThat(Ticks.between(0, 1, 5)).containsExactly(0, 0.2, 0.4, 0.6000000000000001, 0.8, 1);
    }

    @Test
    void labelsThatCountAreKnown() {
        assertThat(Ticks.countsFrom(List.of("0", "1", "2"))).isZero();
        assertThat(Ticks.countsFrom(List.of("layer 9", "layer 10"))).isEqualTo(9);
        assertThat(Ticks.countsFrom(List.of("15 %", "25 %"))).isEqualTo(-1);
        assertThat(Ticks.countsFrom(List.of("a", "b"))).isEqualTo(-1);
        assertThat(Ticks.countsFrom(List.of("0", "2"))).isEqualTo(-1);
    }

    /** Steps that all lie equally far apart, which is what a training log holds. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 14, 23, 60, 77, 99, 150, 200, 333, 1000, 12_345})
    void axesOfStepsHaveRoundWholeTicks(int last) {
        double[] steps = IntStream.rangeClosed(0, last).asDoubleStream().toArray();
        double[] loss = Arrays.stream(steps).map(s -> 2 + Math.exp(-s)).toArray();
        for (int series = 1; series <= 3; series++) {
            for (int width : new int[] {400, 560, 760, 1200}) {
                LinePlot plot = LinePlot.of("t", "step", "loss").withSize(new PictureSize(width, 300, 1));
                for (int i = 0; i < series; i++) {
                    plot = plot.withLine("run " + i, steps, loss);
                }

                List<Double> ticks = ticks(plot);

                assertThat(ticks).as("%d steps, %d points wide", last, width).hasSizeBetween(2, 20);
                for (int i = 1; i < ticks.size(); i++) {
                    double step = ticks.get(i) - ticks.get(i - 1);
                    assertThat(round(step) && step >= 1 && ticks.get(i) == Math.rint(ticks.get(i)))
                            .as("%s", ticks)
                            .isTrue();
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"2.21, 13", "2.6, 7.9", "3, 9.9", "9, 31", "0.0021, 0.013", "2.21, 45", "5.5, 600", "5.5, 30000"})
    void logarithmicAxesHaveEnoughLabelsAndOneBelowTheLowest(double low, double high) {
        LogAxis axis = LogAxis.of(low, high).orElseThrow();

        List<Double> labelled = IntStream.rangeClosed(-4, 5)
                .boxed()
                .flatMap(power -> IntStream.rangeClosed(1, 9).mapToObj(lead -> lead * Math.pow(10, power)))
                .filter(tick -> tick > axis.low() * 0.999 && tick < axis.high() * 1.001)
                .filter(tick -> !axis.label(tick).isBlank())
                .toList();

        assertThat(labelled).hasSizeBetween(4, 13);
        assertThat(axis.low()).isBetween(low / 2, low);
        assertThat(axis.high()).isBetween(high, high * 2);
        if (high < 30 * low) {
            assertThat(labelled.get(0)).isBetween(low / 2, low);
        }
    }

    @Test
    void nearlyEqualValuesHaveALinearAxis() {
        assertThat(LogAxis.of(2.21, 2.52)).isEmpty();
        assertThat(LogAxis.of(0, 5)).isEmpty();
        assertThat(LogAxis.of(Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY))
                .isEmpty();
    }

    @Test
    void aLogarithmicAxisEndsAtItsTicks() {
        double[] x = {1, 2, 3};
        LinePlot wide = LinePlot.of("t", "x", "y")
                .withBand("a", x, new double[] {2.2, 2.4, 9}, new double[] {1.6, 2, 8}, new double[] {3, 3, 12})
                .withLogY();
        LinePlot narrow = LinePlot.of("t", "x", "y")
                .withLine("a", x, new double[] {2.2, 2.4, 2.6})
                .withLogY();

        assertThat(wide.chart().getStyler().isYAxisLogarithmic()).isTrue();
        assertThat(wide.chart().getStyler().getYAxisMin()).isEqualTo(1);
        assertThat(wide.chart().getStyler().getYAxisMax()).isEqualTo(20);
        assertThat(narrow.chart().getStyler().isYAxisLogarithmic()).isFalse();
    }

    /** What the x axis asks labels for. */
    private static List<Double> ticks(LinePlot plot) {
        XYChart chart = plot.chart();
        List<Double> asked = new ArrayList<>();
        chart.getStyler().setXAxisTickLabelsFormattingFunction(value -> {
            // the chart tries several times; the last time counts
            if (!asked.isEmpty() && value <= asked.get(asked.size() - 1)) {
                asked.clear();
            }
            asked.add(value);
            return Numbers.tick(value);
        });
        BufferedImage image = new BufferedImage(plot.size().width(), plot.size().height(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        chart.paint(graphics, image.getWidth(), image.getHeight());
        graphics.dispose();
        double last = Arrays.stream(plot.lines().get(0).x()).max().orElseThrow();
        return asked.stream().filter(v -> v >= 0 && v <= last).toList();
    }

    @Test
    void columnsThatCountAreLabelledAtRoundNumbers() {
        int n = 150;
        double[][] values = new double[2][n];
        Arrays.setAll(values[1], i -> i * 0.437 / n);
        Heatmap map = Heatmap.of(
                "t",
                values,
                List.of("a", "b"),
                IntStream.range(0, n).mapToObj(i -> Integer.toString(i + 3)).toList());

        String svg = map.svg().orElseThrow();

        assertThat(svg).contains(">10<", ">20<", ">150<").doesNotContain(">3<", ">12<", ">15<");
        assertThat(svg).contains(">0.1<", ">0.4<").doesNotContain(">0.11<");
    }
}
