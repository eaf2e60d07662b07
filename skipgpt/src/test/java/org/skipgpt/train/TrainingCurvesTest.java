package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.plot.Line;
import org.skipgpt.plot.Panels;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Report;
import org.skipgpt.torch.Torch;

class TrainingCurvesTest {
    private static TrainingRun run(String task, int steps, double from, boolean routed) {
        TrainingLog log = new TrainingLog();
        for (int i = 0; i < steps; i++) {
            Map<String, Double> row = new LinkedHashMap<>();
            row.put("step", (double) i);
            row.put("loss", from / (i + 1));
            row.put("LM loss", routed ? from / (i + 2) : from / (i + 1));
            row.put("r", routed ? 0.25 : 0.0);
            row.put("learning rate", 1e-3);
            if (routed) {
                row.put("tau", 5.0 - i);
            }
            log.add(row);
        }
        return new TrainingRun(task, steps, LoopConfig.defaults(), log, 1, false);
    }

    @Test
    void everyRunThatMeasuredAQuantityHasALineOfItsValues() {
        TrainingRun routers = run("router tuning", 4, 8, true);
        TrainingCurves curves = TrainingCurves.of(routers, run("router tuning", 6, 4, true))
                .with("control", run("LoRA tuning", 3, 2, false));

        assertThat(curves.figure("loss").lines().stream().map(Line::name))
                .containsExactly("router tuning", "router tuning 2", "control");
        Line first = curves.figure("loss").lines().get(0);
        assertThat(first.x()).containsExactly(1, 2, 3, 4);
        assertThat(first.y()).isEqualTo(routers.log().column("loss"));
        assertThat(curves.figure("tau").lines()).hasSize(2);
        assertThat(curves.data().rows()).hasSize(13);
        assertThat(curves.text()).contains("control");
        assertThatThrownBy(() -> curves.figure("heat")).hasMessageContaining("learning rate");
        assertThatThrownBy(() -> curves.with("control", routers)).hasMessageContaining("own name");
    }

    @Test
    void whatStaysZeroOrSaysNothingNewIsNotDrawn(@TempDir Path folder) {
        TrainingCurves control = TrainingCurves.of(run("LoRA tuning", 3, 2, false));
        TrainingCurves routed = TrainingCurves.of(run("router tuning", 3, 2, true));

        control.save(folder.resolve("control.svg"));
        routed.save(folder.resolve("routed.png"));

        assertThat(titles(control.figure())).containsExactly("loss", "learning rate");
        assertThat(titles(routed.figure())).containsExactly("loss", "LM loss", "r", "tau", "learning rate");
        assertThat(titles(routed.overview())).containsExactly("loss, LM loss", "r");
        assertThat(folder.resolve("routed.png.provenance.json")).exists();
    }

    @Test
    void everyOneLineSaysTheMeanOfTheSameSteps() {
        TrainingRun run = run("router tuning", 60, 60, true);
        double mean = 0;
        for (int step = 40; step < 60; step++) {
            mean += 60.0 / (step + 1) / 20;
        }
        TrainingCurves curves = TrainingCurves.of(run);

        assertThat(run.text()).contains(String.format("loss 60.000 at first → %.3f (mean of the last 20 steps)", mean));
        assertThat(curves.text()).contains("means of the last 20 steps").contains(String.format("%.4f", mean));
        assertThat(run("router tuning", 3, 2, true).text()).contains("(mean of the last 3 steps)");
    }

    private static List<String> titles(Figure figure) {
        return ((Panels) figure).parts().stream().map(Figure::title).toList();
    }

    /** An observer that wants a figure at some steps only, as one that throttles does. */
    private static final class Screen implements ProgressObserver {
        final List<Long> drawnAt = new ArrayList<>();
        private long step;

        @Override
        public void progress(Progress progress) {
            step = progress.done();
        }

        @Override
        public boolean wantsFigure(String key) {
            return step == 2 || step == 5;
        }

        @Override
        public void figure(String key, Report figure) {
            assertThat(figure.png()).isPresent();
            drawnAt.add(step);
        }
    }

    @Test
    void curvesMoveWhenTheObserverWantsThemAndEndComplete() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            Screen screen = new Screen();

            TrainingEngineTest.train(manager, LoopConfig.defaults().withSteps(7), screen);

            assertThat(screen.drawnAt).containsExactly(2L, 5L, 7L);
        }
    }
}
