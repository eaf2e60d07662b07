package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.shape.ModuleKind;

/** What is measured, how often, and what follows from it; times are made up. */
class PackingCostsTest {
    private static final PackingCosts CPU = PackingCosts.unmeasured(false, 4096, 2);
    private static final PackingCosts GPU = PackingCosts.unmeasured(true, 16384, 2);

    @Test
    void aPassMeasuresItsOwnSizeOnlyAndOnce() {
        Made made = new Made(1e-6);

        PackingCosts few = CPU.with(ModuleKind.MLP, 5, made);
        int runs = made.rows.size();
        PackingCosts same = few.with(ModuleKind.MLP, 17, made);

        assertThat(made.rows).containsOnly(8);
        assertThat(made.rows).hasSize(runs);
        assertThat(same).isSameAs(few);
        assertThat(few.knows(ModuleKind.MLP, 31)).isTrue();
        assertThat(few.knows(ModuleKind.MLP, 32)).isFalse();
        assertThat(few.knows(ModuleKind.ATTENTION, 8)).isFalse();
        assertThat(few.with(ModuleKind.MLP, 200, made).points())
                .extracting(PackingCosts.Point::rows)
                .containsExactly(8, 128);
        assertThat(made.rows).doesNotContain(512);
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-7, 1e-6, 1e-5, 1e-4, 2e-4})
    void oneSizeOfOneModuleStaysWithinItsTime(double secondsOfARow) {
        for (PackingCosts costs : new PackingCosts[] {CPU, GPU}) {
            for (int rows : costs.sizes()) {
                Made made = new Made(secondsOfARow);

                costs.with(ModuleKind.ATTENTION, rows, made);

                assertThat(made.spent).as("%d rows", rows).isLessThan(2 * PackingCosts.SECONDS);
            }
        }
    }

    @Test
    void slowModulesAreMeasuredAtFewerRowsAndAsRarelyAsAllowed() {
        Made made = new Made(0.01);

        PackingCosts costs = CPU.with(ModuleKind.MLP, 2000, made);

        assertThat(made.rows).hasSize(2 + 3 * PackingCosts.FEWEST_ROUNDS).containsOnly(PackingCosts.SURE_ROWS);
        assertThat(costs.points())
                .singleElement()
                .satisfies(p -> assertThat(p.rows()).isEqualTo(PackingCosts.SURE_ROWS));
        assertThat(costs.knows(ModuleKind.MLP, 128)).isTrue();
        assertThat(costs.knows(ModuleKind.MLP, 32)).isFalse();
        assertThat(costs.most(ModuleKind.MLP, 2000))
                .isEqualTo((int) (costs.points().get(0).breakEven() * 2000));
    }

    @Test
    void decisionsFollowTheTimes() {
        for (double gathering : new double[] {0, 0.1, 0.6, 3}) {
            PackingCosts costs = CPU;
            for (int rows : new int[] {1, 8, 40, 128, 600, 5000}) {
                costs = costs.with(ModuleKind.MLP, rows, new Made(1e-6, gathering));
                int most = costs.most(ModuleKind.MLP, rows);

                assertThat(most).isBetween(0, rows);
                assertThat(costs.packs(ModuleKind.MLP, 0, rows)).isTrue();
                assertThat(costs.packs(ModuleKind.MLP, most, rows)).isTrue();
                assertThat(costs.packs(ModuleKind.MLP, most + 1, rows)).isFalse();
                // Dense costs n rows, packing e of them (1 + gathering) e.
                assertThat((double) most / rows)
                        .isBetween(1 / (1 + gathering) - 0.07 - 1.0 / rows, 1 / (1 + gathering));
            }
        }
    }

    @Test
    void aBurstDoesNotSwitchPackingOff() {
        for (int at = 0; at < 11; at++) {
            int burst = at;
            Made made = new Made(1e-4);

            PackingCosts costs = CPU.with(ModuleKind.MLP, 512, (module, rows, executing) -> {
                double seconds = made.seconds(module, rows, executing);
                int run = made.rows.size() - 1;
                return run == burst || run == burst + 1 ? 40 * seconds : seconds;
            });

            assertThat(costs.most(ModuleKind.MLP, 512)).as("from run %d on", at).isGreaterThan(400);
        }
    }

    @Test
    void anInterruptedMeasurementIsDoneAgain() {
        Made made = new Made(1e-6);
        PackingCosts.Runs stopping = (module, rows, executing) -> {
            Thread.currentThread().interrupt();
            return made.seconds(module, rows, executing);
        };

        assertThatThrownBy(() -> CPU.with(ModuleKind.MLP, 512, stopping)).isInstanceOf(CancellationException.class);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(made.rows).hasSize(1);
        assertThat(CPU.knows(ModuleKind.MLP, 512)).isFalse();
        assertThat(CPU.with(ModuleKind.MLP, 512, made).knows(ModuleKind.MLP, 512))
                .isTrue();
    }

    @Test
    void sizesAboveTheLongestSequenceAreNotToldApart() {
        assertThat(PackingCosts.unmeasured(false, 256, 2).sizes()).containsExactly(8, 32, 128);
        assertThat(PackingCosts.unmeasured(false, 4, 2).sizes()).containsExactly(8);
    }

    /** Times in proportion to the rows; packed ones cost more each. */
    private static final class Made implements PackingCosts.Runs {
        private final List<Integer> rows = new ArrayList<>();
        private final double secondsOfARow;
        private final double gathering;
        private double spent;

        Made(double secondsOfARow) {
            this(secondsOfARow, 0.1);
        }

        Made(double secondsOfARow, double gathering) {
            this.secondsOfARow = secondsOfARow;
            this.gathering = gathering;
        }

        @Override
        public double seconds(ModuleKind module, int n, int executing) {
            rows.add(n);
            double seconds = secondsOfARow * executing * (executing == n ? 1 : 1 + gathering);
            spent += seconds;
            return seconds;
        }
    }
}
