package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.eval.PairedBootstrap;
import org.skipgpt.model.LanguageModel;

/**
 * Loss of a model on some texts, one by one, so that two models are compared on the same ones.
 *
 * @param nats of each text's predicted tokens together
 * @param predicted tokens of each
 */
record TextLosses(double[] nats, int[] predicted) {
    private static final int DRAWS = 10_000;

    static TextLosses of(LanguageModel model, int[][] texts) {
        double[] nats = new double[texts.length];
        int[] predicted = new int[texts.length];
        for (int t = 0; t < texts.length; t++) {
            for (float p : model.logProbabilities(texts[t])[0]) {
                nats[t] -= p;
                predicted[t]++;
            }
        }
        return new TextLosses(nats, predicted);
    }

    /** Nats a token. */
    double mean() {
        return Arrays.stream(nats).sum() / Arrays.stream(predicted).sum();
    }

    /** By how much a token of each text costs more than under another model. */
    double[] minus(TextLosses other) {
        return IntStream.range(0, nats.length)
                .mapToDouble(t -> (nats[t] - other.nats[t]) / predicted[t])
                .toArray();
    }

    /** Mean over seeds of texts' differences, with its interval; texts are drawn again within each seed. */
    static String compared(List<TextLosses> first, List<TextLosses> second) {
        List<double[]> groups = IntStream.range(0, first.size())
                .mapToObj(s -> first.get(s).minus(second.get(s)))
                .toList();
        PairedBootstrap found = PairedBootstrap.of(groups, DRAWS, 1);
        return String.format(
                Locale.ROOT, "%+.4f (%.4f..%.4f, p %.4f)", found.difference(), found.low(), found.high(), found.p());
    }

    /** Mean of some models' losses, and each. */
    static String told(List<TextLosses> seeds) {
        double mean = seeds.stream().mapToDouble(TextLosses::mean).average().orElse(Double.NaN);
        String each = String.join(
                ", ",
                seeds.stream()
                        .map(s -> String.format(Locale.ROOT, "%.3f", s.mean()))
                        .toList());
        return String.format(Locale.ROOT, "%.4f (%s)", mean, each);
    }

    /** Pieces of a text file, each of so many characters, up to a number of them. */
    static List<String> pieces(Path file, int characters, int most) throws IOException {
        String text = Files.readString(file);
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at + characters <= text.length() && pieces.size() < most; at += characters) {
            pieces.add(text.substring(at, at + characters));
        }
        return pieces;
    }
}
