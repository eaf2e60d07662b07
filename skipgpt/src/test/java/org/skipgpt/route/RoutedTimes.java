package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.model.Decision;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyAround;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Session;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Times;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.Vectors;

/**
 * Times of one new token under routers that are asked with a row's numbers and with arrays, beside dense and a forced pattern, in turns of
 * some tokens each. Arguments: a model, its element type, the share to skip, tokens before the first, turns.
 */
final class RoutedTimes {
    private static final int TOKENS = 16;
    private static final int WARM_TURNS = 3;

    private RoutedTimes() {}

    /** Another policy's decisions, asked with arrays always. */
    private record WithArrays(LayerPolicy rest) implements PolicyAround {
        @Override
        public LayerPolicy around(LayerPolicy other) {
            return new WithArrays(other);
        }

        @Override
        public Identity identity() {
            return Identity.of("with arrays").with("inner", rest.identity());
        }

        @Override
        public String describe() {
            return rest.describe() + ", asked with arrays";
        }
    }

    /** Runs everything and notes what routers say of it. */
    private record Dense(List<RowRouter> routers, boolean readsLayer, List<List<Float>> margins)
            implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            return Decision.all();
        }

        @Override
        public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
            return Optional.of((site, residual, layerInput, token, position) -> {
                int router = routers.size() == margins.size() ? site.index() : site.layer();
                margins.get(site.index()).add(routers.get(router).margin(readsLayer ? layerInput : residual));
                return 1;
            });
        }

        @Override
        public Identity identity() {
            return LayerPolicy.dense().identity();
        }

        @Override
        public String describe() {
            return "dense";
        }
    }

    /** Routers that leave out about so much of every module, by what they say of the tokens of a text that runs all. */
    private static RoutedPolicy turned(
            LanguageModel model, Gate gate, Routers routers, double share, int[] text, RowKernels kernels) {
        List<List<Float>> margins = new ArrayList<>();
        for (int module = 0; module < model.config().modules(); module++) {
            margins.add(new ArrayList<>());
        }
        List<RowRouter> rows =
                routers.all().stream().map(one -> RowRouter.of(one, kernels)).toList();
        boolean readsLayer = routers.config().input() == RouterConfig.Input.LAYER;
        try (Session session =
                model.withPolicy(new Dense(rows, readsLayer, margins)).session(1)) {
            for (int token : text) {
                session.append(new int[] {token});
            }
        }
        double[] thresholds = margins.stream()
                .mapToDouble(all -> all.stream()
                        .sorted()
                        .skip(Math.round(share * all.size()))
                        .findFirst()
                        .orElseThrow())
                .toArray();
        return RoutedPolicy.of(gate, routers).withThresholds(new Thresholds(thresholds));
    }

    public static void main(String[] arguments) {
        Workspace workspace = SkipGpt.workspace("cpu", arguments[1]);
        RowKernels kernels = Vectors.kernels().orElseThrow();
        LanguageModel dense = SkipGpt.load(arguments[0]).withStep(DecodingStep.JAVA);
        double share = Double.parseDouble(arguments[2]);
        int[] prompt = new int[Integer.parseInt(arguments[3])];
        Arrays.setAll(prompt, i -> (int) (1_000_003L * (i + 1) % dense.config().vocabulary()));
        Gate gate = Gate.compile(workspace.manager());
        Map<String, LanguageModel> models = new LinkedHashMap<>();
        models.put("dense", dense);
        ForcedPolicy forced = ForcedPolicy.uniform(share, dense.config().layers(), 1);
        models.put("pattern", dense.withPolicy(forced));
        RouterConfig linear = RouterConfig.defaults();
        for (RouterConfig config : List.of(linear, linear.withNorm(RouterConfig.Norm.RMS), RouterConfig.official())) {
            Routers routers = Routers.init(workspace.manager(), dense.config(), config, 5);
            RoutedPolicy routed = turned(dense, gate, routers, share, prompt, kernels);
            String form = config.form() + (config.norm() == RouterConfig.Norm.RMS ? " normed" : "");
            models.put(form + ", numbers", dense.withPolicy(routed));
            models.put(form + ", arrays", dense.withPolicy(new WithArrays(routed)));
        }
        System.out.println(Provenance.of("").cpu() + "; " + Provenance.of("").versions() + "; " + dense.decoding());
        measure(models, prompt, Integer.parseInt(arguments[4]));
    }

    /** One contestant. */
    private record Runner(String name, Session session, List<Double> seconds, AtomicLong used, List<Double> executed) {
        Times times() {
            return Times.of(seconds.stream().mapToDouble(Double::doubleValue).toArray());
        }

        void run(int[] prompt, boolean counts) {
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            try (Session fork = session.fork(0)) {
                long before = threads.getCurrentThreadCpuTime();
                for (int t = 0; t < TOKENS; t++) {
                    long begun = System.nanoTime();
                    fork.append(new int[] {prompt[(t * 7) % prompt.length]});
                    if (counts) {
                        seconds.add((System.nanoTime() - begun) / 1e9);
                    }
                }
                used.addAndGet(counts ? threads.getCurrentThreadCpuTime() - before : 0);
                executed.add(Arrays.stream(fork.executionRates()).average().orElse(1));
            }
        }
    }

    private static void measure(Map<String, LanguageModel> models, int[] prompt, int turns) {
        List<Runner> runners = new ArrayList<>();
        models.forEach((name, model) -> {
            Session session = model.session(1);
            for (int token : prompt) {
                session.append(new int[] {token});
            }
            runners.add(new Runner(name, session, new ArrayList<>(), new AtomicLong(), new ArrayList<>()));
        });
        double load = load();
        for (int turn = -WARM_TURNS; turn < turns; turn++) {
            for (Runner runner : runners) {
                runner.run(prompt, turn >= 0);
            }
        }
        Runner dense = runners.get(0);
        for (Runner runner : runners) {
            Times times = runner.times();
            System.out.printf(
                    Locale.ROOT,
                    "%-22s %6.2f ms, spread %3.0f %%, %.2f of dense speed; the thread's own %6.2f ms, %.2f; %.0f %% skipped%n",
                    runner.name(),
                    1e3 * times.median(),
                    100 * times.spread(),
                    dense.times().median() / times.median(),
                    runner.used().get() / 1e6 / runner.seconds().size(),
                    (double) dense.used().get() / runner.used().get(),
                    100 * (1 - runner.executed().get(0)));
            runner.session().close();
        }
        System.out.printf(Locale.ROOT, "load average %.1f to %.1f%n", load, load());
    }

    private static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }
}
