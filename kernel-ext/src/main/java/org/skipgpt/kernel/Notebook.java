package org.skipgpt.kernel;

import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The names every cell can use without an import; those of IJava, and {@link #clearOutput}. */
public final class Notebook {
    private Notebook() {}

    /** Shows a value below the cell; returns an id for {@link #updateDisplay}. */
    public static String display(@Nullable Object value) {
        return display(render(value));
    }

    /** Shows a value below the cell as one of some MIME types, e.g. {@code text/html}. */
    public static String display(Object value, String... as) {
        return display(render(value, as));
    }

    /** Shows prepared display data. */
    public static String display(@Nullable DisplayData data) {
        if (data == null) { // a plain display(null) means this one, too
            return display(new DisplayData("null"));
        }
        if (!data.hasDisplayId()) {
            data.setDisplayId(UUID.randomUUID().toString());
        }
        getKernelInstance().display(data);
        return data.getDisplayId();
    }

    /** Replaces what is shown under an id. */
    public static void updateDisplay(String id, @Nullable Object value) {
        getKernelInstance().updateDisplay(id, render(value));
    }

    /** Replaces what is shown under an id by a value as one of some MIME types. */
    public static void updateDisplay(String id, Object value, String... as) {
        getKernelInstance().updateDisplay(id, render(value, as));
    }

    /** What the front end would be given for a value. */
    public static DisplayData render(@Nullable Object value) {
        return getKernelInstance().show(value);
    }

    /** What the front end would be given for a value as one of some MIME types. */
    public static DisplayData render(Object value, String... as) {
        return getKernelInstance().getRenderer().renderAs(value, as);
    }

    /** Removes the cell's outputs so far; with {@code wait} only when the next output comes. */
    public static void clearOutput(boolean wait) {
        getKernelInstance().clearOutput(wait);
    }

    /** Runs code in the session and returns its value; null where it has none. */
    public static @Nullable Object eval(String code) throws Exception {
        return getKernelInstance().evalRaw(code);
    }

    /** Runs {@code %name arguments}. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // as in IJava
    public static <T> T lineMagic(String name, List<String> arguments) throws Exception {
        return getKernelInstance().getMagics().applyLineMagic(name, arguments);
    }

    /** Runs {@code %%name arguments} on a body. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // as in IJava
    public static <T> T cellMagic(String name, List<String> arguments, String body) throws Exception {
        return getKernelInstance().getMagics().applyCellMagic(name, arguments, body);
    }

    /** Prints formatted text. */
    public static void printf(String format, @Nullable Object... arguments) {
        System.out.printf(Locale.ROOT, format, arguments);
    }

    /** The kernel: its renderer, its magics, its class path. */
    public static JavaKernel getKernelInstance() {
        return JavaKernel.instance();
    }
}
