package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.model.Golden;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;

class PlacementTest {
    // LLaMA-2 13B with a tied head: 25.9 GB in bf16, a layer 634 MB
    private static final DecoderConfig LARGE = DecoderConfig.llama(32000, 5120, 13824, 40, 40, 40);
    private static final long GIB = 1L << 30;

    private static Placement of(String map, DecoderConfig config, long available) {
        return new NoFile().placed(map, config, Map.of("cpu", available));
    }

    /** A file of the shape: only sizes are asked of it. */
    private static final class NoFile extends HeaderOnly {
        Placement placed(String map, DecoderConfig config, Map<String, Long> available) {
            return Placement.of(map, config, Dtype.BF16, available, this);
        }
    }

    @Test
    void whatFitsIsInMemoryAndTheRestIsStreamed() {
        Placement all = of("auto", LARGE, 64 * GIB);
        Placement some = of("auto", LARGE, 16 * GIB);
        Placement none = of("auto", LARGE, 4 * GIB);

        assertThat(all.streamed()).isZero();
        assertThat(some.streamed()).isBetween(15, 39);
        assertThat(some.needed("cpu")).isLessThan(16 * GIB);
        assertThatCode(some::check).doesNotThrowAnyException();
        assertThat(none.streamed()).isEqualTo(40);
        assertThat(some.text()).contains("streamed", "modules in flight", "16.0 GiB", "800 KiB".replace("800", "1600"));
    }

    @Test
    void layersInMemoryLieEvenlyAmongTheOthers() {
        Placement some = of("auto", LARGE, 16 * GIB);
        int held = 40 - some.streamed();

        int longest = 0;
        int now = 0;
        for (int layer = 0; layer < 40; layer++) {
            now = some.isStreamed(layer) ? now + 1 : 0;
            longest = Math.max(longest, now);
        }

        assertThat(longest).isLessThanOrEqualTo((int) Math.ceil(40.0 / held));
    }

    @Test
    void moreMemoryNeverStreamsMore() {
        int[] streamed = IntStream.rangeClosed(2, 40)
                .map(gib -> of("auto", LARGE, gib * GIB).streamed())
                .toArray();

        for (int i = 1; i < streamed.length; i++) {
            assertThat(streamed[i]).isLessThanOrEqualTo(streamed[i - 1]);
        }
        assertThat(streamed[0]).isEqualTo(40);
        assertThat(streamed[38]).isZero();
    }

    @Test
    void aMapOfOnesOwnIsFollowed() {
        DecoderConfig small = DecoderConfig.llama(64, 32, 48, 6, 4, 2);

        assertThat(of("cpu=0 2-3, streamed", small, GIB).places())
                .containsExactly("cpu", "streamed", "cpu", "cpu", "streamed", "streamed");
        assertThat(of("streamed", small, GIB).places()).isEqualTo(Collections.nCopies(6, "streamed"));
        assertThat(of("cpu", small, GIB).streamed()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "cuda:0                   | \"cuda:0\" is none of [cpu]",
                "cpu=0-6                  | not within layers 0..5",
                "cpu=3-2, streamed        | not within layers 0..5",
                "cpu=0-3, streamed=3-5    | layer 3 is on cpu and on streamed",
                "cpu=0-3                  | layer 4 has no place",
                "cpu=a, streamed          | \"a\" is no layer",
                "cpu, streamed            | both cpu and streamed",
                "automatic                | \"automatic\" is none of"
            })
    void whatIsNotUnderstoodIsRefusedWithWhatIsAllowed(String map, String why) {
        DecoderConfig small = DecoderConfig.llama(64, 32, 48, 6, 4, 2);

        assertThatThrownBy(() -> of(map, small, GIB))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(why)
                .hasMessageContaining("cpu=0-9 20, streamed=10-19 21-39");
    }

    @Test
    void aMapThatDoesNotFitIsRefusedWithTheNumbers() {
        Placement map = of("cpu=0-29, streamed", LARGE, 8 * GIB);

        assertThatThrownBy(map::check)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("cpu", "19.2 GiB", "8.0 GiB", "auto");
    }

    private static Placement of(String map, DecoderConfig config, long first, long second) {
        Map<String, Long> available = new LinkedHashMap<>();
        available.put("gpu0", first);
        available.put("gpu1", second);
        available.put("cpu", 4 * GIB);
        return new NoFile().placed(map, config, available);
    }

    @Test
    void devicesAreFilledOneAfterAnotherAndTheRestIsStreamed() {
        Placement one = of("auto", LARGE, 80 * GIB, 80 * GIB);
        Placement two = of("auto", LARGE, 24 * GIB, 24 * GIB);
        Placement all = of("auto", LARGE, 12 * GIB, 12 * GIB);

        assertThat(one.places()).containsOnly("gpu0");
        assertThat(one.moves()).isZero();
        assertThat(two.places()).containsOnly("gpu0", "gpu1");
        assertThat(two.moves()).isEqualTo(2);
        assertThat(all.places()).containsOnly("gpu0", "gpu1", "cpu", "streamed");
        for (Placement placed : List.of(one, two, all)) {
            assertThat(placed.places().stream().distinct().toList())
                    .as("each place once, in order")
                    .isEqualTo(runs(placed.places()));
            assertThatCode(placed::check).doesNotThrowAnyException();
        }
        assertThat(all.devices().get(39)).isEqualTo("gpu0");
        assertThat(two.text()).contains("gpu0", "gpu1", "moves the stream 2 times", "20.0 KiB of each token");
    }

    private static List<String> runs(List<String> places) {
        return IntStream.range(0, places.size())
                .filter(i -> i == 0 || !places.get(i).equals(places.get(i - 1)))
                .mapToObj(places::get)
                .toList();
    }

    @Test
    void aMapOverSeveralDevicesIsFollowedAndOthersAreNotShown() {
        DecoderConfig small = DecoderConfig.llama(64, 32, 48, 6, 4, 2);
        Placement placed = of("cuda:1=0-1, streamed=2, gpu", small, GIB, GIB);

        assertThat(placed.places()).containsExactly("gpu1", "gpu1", "streamed", "gpu0", "gpu0", "gpu0");
        assertThat(placed.devices()).containsExactly("gpu1", "gpu1", "gpu0", "gpu0", "gpu0", "gpu0");
        assertThat(placed.moves()).isEqualTo(2);
        assertThat(placed.text()).doesNotContain("cpu");
        assertThatThrownBy(() -> of("gpu2", small, GIB, GIB))
                .hasMessageContaining("\"gpu2\" is none of [gpu0, gpu1, cpu]");
    }

    @Test
    void whichDeviceIsTooSmallIsSaidWithTheNumbers() {
        Placement map = of("gpu0=0-9, gpu1=10-29, cpu", LARGE, 16 * GIB, 8 * GIB);

        assertThatThrownBy(map::check)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("gpu1 is to hold need 11.8 GiB, and 8.0 GiB");
    }

    @Test
    void placesOfOneCpuShareItsMemory() {
        Placement map = of("cpu=0-9, cpu1=10-19, cpu2", LARGE, 20 * GIB);

        assertThat(map.needed("cpu")).isLessThan(20 * GIB);
        assertThatThrownBy(map::check).hasMessageContaining("cpu is to hold need 23.9 GiB");
    }

    @Test
    void whereMemoryIsNotKnownAMapIsAskedFor() {
        assertThatThrownBy(() -> of("auto", LARGE, 16 * GIB, Long.MAX_VALUE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("gpu1", "not known", "gpu0=0-19, gpu1");
        assertThat(of("gpu0=0-9, gpu1", LARGE, 16 * GIB, Long.MAX_VALUE).text()).contains("not known");
    }

    @Test
    void aRefusalOfTheWholeModelNamesTheOtherWay() {
        var left = new org.skipgpt.report.MemoryLeft(8 * GIB, 32 * GIB);

        assertThatThrownBy(() -> MemoryCheck.check(LARGE, Dtype.BF16, left))
                .hasMessageContaining("load(name, \"auto\")");
    }

    @Test
    void whatAPassReadsIsWhatTheHeadersSay() {
        try (Golden golden = Golden.family("llama3")) {
            Placement half = golden.placement(Dtype.FP32, "cpu=0 3, streamed");
            long layers = half.inFile().get(2)
                    + half.inFile().get(3)
                    + half.inFile().get(4)
                    + half.inFile().get(5);

            assertThat(half.inFile()).hasSize(8).doesNotContain(0L);
            assertThat(half.bytesOfAPass()).isEqualTo(layers);
            assertThat(List.copyOf(half.available().keySet())).containsExactly("cpu");
        }
    }
}
