package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Map;
import java.util.function.Supplier;
import org.skipgpt.report.Identity;

/** What a run learns: its parameters and how one micro-batch adds to their gradients. */
public interface Objective extends AutoCloseable {
    /** What the run changes, by a name that checkpoints keep; leaves that record gradients, fp32. */
    Map<String, NDArray> parameters();

    /**
     * Runs one micro-batch forward and backward; gradients add up in the parameters.
     *
     * @param scope owner of everything made here; closed after the micro-batch
     * @param step optimizer step, 0 first
     * @param micro micro-batch within the step
     * @param weight factor on the loss, 1 / accumulation
     * @return named scalars for the log, averaged over micro-batches; {@code "loss"} and {@code "tokens"} are needed
     */
    Map<String, Double> backward(NDManager scope, long step, int micro, double weight);

    /**
     * The part of {@link #backward} that adds no gradient yet. Over a model on several devices those of several micro-batches are
     * under way at once, each on a thread of its own, while what they return is called one after another; by default all is done there.
     *
     * @return does the rest, once
     */
    default Supplier<Map<String, Double>> forward(NDManager scope, long step, int micro, double weight) {
        return () -> backward(scope, step, micro, weight);
    }

    /** What else a continued run must find again, changed by {@link #finish} alone; fp32, kept in checkpoints. */
    default Map<String, NDArray> state() {
        return Map.of();
    }

    /**
     * A step is over: moves {@link #state} by what its micro-batches said.
     *
     * <p>No micro-batch sees what another of its step did, so that they may be computed in any order and by several.
     *
     * @param means the step's scalars, averaged over its micro-batches
     */
    default void finish(long step, Map<String, Double> means) {}

    /** Scalars measured between steps, e.g. the loss on held-out text; may be empty. */
    default Map<String, Double> evaluate() {
        return Map.of();
    }

    /** Factor on the learning rate of one parameter. */
    default double rateFactor(String parameter) {
        return 1;
    }

    /** Frees what the objective compiled for itself; parameters stay. */
    @Override
    default void close() {}

    /** A phrase for progress, e.g. {@code "router tuning"}. */
    String describe();

    /**
     * Everything that decides the run's numbers but the loop's settings; a checkpoint of another identity is not continued.
     *
     * <pre>{@code
     * return Identity.of(describe()).with("share", share).with("data", data).with("clusters", clusters, 1);   // came later
     * }</pre>
     */
    Identity identity();
}
