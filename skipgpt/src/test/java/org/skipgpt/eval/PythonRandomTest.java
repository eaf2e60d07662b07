package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Numbers of CPython's random module: {@code r = random.Random(1234); r.sample(range(n), k)} in this order. */
class PythonRandomTest {
    @Test
    void samplesAreThoseOfPython() {
        PythonRandom random = new PythonRandom(1234);

        assertThat(random.sample(16, 3)).containsExactly(14, 1, 0);
        assertThat(random.sample(1000, 5)).containsExactly(92, 932, 965, 961, 826);
        assertThat(random.sample(9741, 26))
                .containsExactly(
                        9539, 572, 1375, 1612, 5810, 3879, 285, 504, 259, 5670, 7933, 7594, 2433, 1495, 2999, 1874, 239,
                        8242, 7974, 4093, 1057, 8865, 7633, 1123, 1457, 8438);
        assertThat(random.sample(21, 5)).containsExactly(18, 1, 8, 17, 2);
        assertThat(random.sample(100, 25))
                .containsExactly(
                        82, 38, 61, 45, 34, 31, 83, 25, 58, 67, 85, 2, 65, 9, 0, 42, 18, 60, 48, 21, 6, 86, 75, 63, 20);
        assertThat(random.sample(40, 40))
                .containsExactly(
                        4, 35, 13, 9, 1, 22, 7, 36, 19, 14, 38, 37, 8, 21, 25, 29, 5, 27, 39, 32, 26, 30, 24, 12, 11,
                        33, 23, 20, 18, 15, 0, 10, 2, 3, 28, 31, 6, 17, 34, 16);
    }

    @Test
    void everySeedHasItsOwnNumbers() {
        assertThat(new PythonRandom(0L).sample(1000, 4)).containsExactly(864, 394, 776, 911);
        assertThat(new PythonRandom(1L).sample(1000, 4)).containsExactly(137, 582, 867, 821);
        assertThat(new PythonRandom(4294967295L).sample(1000, 4)).containsExactly(650, 634, 208, 220);
    }
}
