package org.skipgpt.torch;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Readable TorchScript with constants and options filled in from a configuration.
 *
 * <p>A resource holds plain methods. {@code ${name}} stands for a constant, among them libtorch's numbers of element types,
 * {@code ${fp32}} and its like; lines between {@code #if option} and
 * {@code #end} stay only where the option is on ({@code #if !option} where it is off; {@code #else} is allowed).
 *
 * <pre>{@code
 * String code = TorchSource.of(Decoder.class, "decoder.torchscript").with("heads", 8).when("bias", true).code();
 * }</pre>
 */
public final class TorchSource {
    /** libtorch's number of fp32. */
    public static final int FP32 = 6;

    private static final Map<String, Integer> ELEMENT_TYPES =
            Map.of("int64", 4, "fp16", 5, "fp32", FP32, "fp64", 7, "bool", 11, "bf16", 15);

    private static final Pattern CONSTANT = Pattern.compile("\\$\\{(\\w+)}");

    private final String template;
    private final Map<String, String> constants = new LinkedHashMap<>();
    private final Set<String> options = new HashSet<>();
    private final Set<String> known = new HashSet<>();

    private TorchSource(String template) {
        this.template = template;
        ELEMENT_TYPES.forEach(this::with);
    }

    /** The template in one or several resources beside a class, one after another. */
    public static TorchSource of(Class<?> beside, String... resources) {
        StringBuilder template = new StringBuilder();
        for (String resource : resources) {
            try (InputStream in = beside.getResourceAsStream(resource)) {
                if (in == null) {
                    throw new TorchException("resource " + resource + " is missing beside " + beside.getName());
                }
                template.append(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                        .append('\n');
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return new TorchSource(template.toString());
    }

    /** The template itself, for tests and trials. */
    public static TorchSource text(String template) {
        return new TorchSource(template);
    }

    /** Fills in a constant. */
    public TorchSource with(String name, Object value) {
        constants.put(name, value.toString());
        return this;
    }

    /** Turns an option on or off. */
    public TorchSource when(String option, boolean on) {
        known.add(option);
        if (on) {
            options.add(option);
        }
        return this;
    }

    /**
     * The finished source.
     *
     * @throws TorchException if a constant or option of the template was not given
     */
    public String code() {
        StringBuilder out = new StringBuilder();
        Deque<Boolean> open = new ArrayDeque<>();
        for (String line : template.split("\n", -1)) {
            String trimmed = line.strip();
            if (trimmed.startsWith("#if ")) {
                open.push(isOn(trimmed.substring(4).strip()));
            } else if (trimmed.equals("#else")) {
                open.push(!open.pop());
            } else if (trimmed.equals("#end")) {
                open.pop();
            } else if (!open.contains(false) && !trimmed.startsWith("##")) {
                out.append(filled(line)).append('\n');
            }
        }
        return out.toString();
    }

    private boolean isOn(String option) {
        boolean negated = option.startsWith("!");
        String name = negated ? option.substring(1) : option;
        if (!known.contains(name)) {
            throw new TorchException(
                    "option " + name + " of the template was not given: call when(\"" + name + "\", …)");
        }
        return options.contains(name) != negated;
    }

    private String filled(String line) {
        Matcher matcher = CONSTANT.matcher(line);
        StringBuilder out = new StringBuilder();
        while (matcher.find()) {
            String value = constants.get(matcher.group(1));
            if (value == null) {
                throw new TorchException("constant " + matcher.group(1) + " of the template was not given");
            }
            matcher.appendReplacement(out, Matcher.quoteReplacement(value));
        }
        return matcher.appendTail(out).toString();
    }
}
