package org.skipgpt.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    private static final double[] A = {3, 1, 4, 1, 5, 9, 2, 6};

    @Test
    void rankCorrelationKnowsOrderOnly() {
        double[] cubes = DoubleStream.of(A).map(v -> v * v * v).toArray();
        double[] turned = DoubleStream.of(A).map(v -> -Math.exp(v)).toArray();

        assertThat(Statistics.correlation(A, cubes)).isCloseTo(1, within(1e-12));
        assertThat(Statistics.correlation(A, turned)).isCloseTo(-1, within(1e-12));
        assertThat(Statistics.correlation(A, new double[8])).isNaN();
    }

    /** numpy.corrcoef of the mean ranks of [3,1,4,1,5,9,2,6] and [2,7,1,8,2,8,1,8]. */
    @Test
    void tiesShareTheirRank() {
        assertThat(Statistics.correlation(A, new double[] {2, 7, 1, 8, 2, 8, 1, 8}))
                .isCloseTo(0.19885368120992464, within(1e-12));
    }

    @Test
    void pairsWithoutAValueAreLeftOut() {
        double[] x = {1, 2, Double.NaN, 3};
        double[] y = {5, 6, -9, 8};

        assertThat(Statistics.correlation(x, y)).isCloseTo(1, within(1e-12));
    }

    @Test
    void meanHasTheErrorOfItsSample() {
        assertThat(Statistics.mean(DoubleStream.of(2, 4, 4, 4, 5, 5, 7, 9)).value())
                .isEqualTo(5);
        assertThat(Statistics.mean(DoubleStream.of(2, 4, 4, 4, 5, 5, 7, 9)).error())
                .isCloseTo(Math.sqrt(32.0 / 7 / 8), within(1e-12));
        assertThat(Statistics.mean(DoubleStream.of(3)).error()).isNaN();
        assertThat(Statistics.mean(DoubleStream.empty()).value()).isNaN();
    }

    @Test
    void theMedianIsTheMiddle() {
        assertThat(Statistics.median(new double[] {5, 1, 9})).isEqualTo(5);
        assertThat(Statistics.median(A)).isEqualTo(3.5);
    }
}
