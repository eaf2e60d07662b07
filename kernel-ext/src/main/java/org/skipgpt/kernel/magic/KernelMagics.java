package org.skipgpt.kernel.magic;

import io.github.spencerpark.jupyter.kernel.magic.registry.CellMagicFunction;
import io.github.spencerpark.jupyter.kernel.magic.registry.LineMagicFunction;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import jdk.jshell.Snippet;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.JavaKernel;
import org.skipgpt.kernel.cell.CellValue;

/** The magics of this kernel; {@code %help} lists them. */
public final class KernelMagics {
    private static final int DEFAULT_RUNS = 7;

    private final JavaKernel kernel;
    private final Map<String, String> help = new TreeMap<>();

    /** Makes the magics of a kernel. */
    public KernelMagics(JavaKernel kernel) {
        this.kernel = kernel;
    }

    /** Registers all of them. */
    public void register() {
        line("time", "%time CODE: runs a line and prints its wall time", args -> time(String.join(" ", args)));
        cell("time", "%%time: runs the cell and prints its wall time", (args, body) -> time(body));
        cell("bench", "%%bench [RUNS]: runs the cell several times, prints median and range", this::bench);
        line("mem", "%mem: memory of this process", args -> print(MachineState.memory()));
        line("gpu", "%gpu: what GPUs there are and what they do", args -> print(MachineState.gpus()));
        line("load", "%load FILE: runs a .jsh or .java file or the code cells of a notebook", this::load);
        line("list", "%list: the declarations of this session", args -> print(list()));
        line("classpath", "%classpath [JAR OR FOLDER ...]: shows or extends the class path", this::classpath);
        line("help", "%help: this list", args -> print(String.join("\n", help.values())));
    }

    private void line(String name, String text, LineMagicFunction<?> function) {
        help.put("%" + name, text);
        kernel.getMagics().registerLineMagic(name, function);
    }

    private void cell(String name, String text, CellMagicFunction<?> function) {
        help.put("%%" + name, text);
        kernel.getMagics().registerCellMagic(name, function);
    }

    private @Nullable Object time(String code) throws Exception {
        long start = System.nanoTime();
        CellValue value = kernel.engine().eval(code, kernel.origin());
        System.out.printf(Locale.ROOT, "wall time: %s%n", Bench.seconds(System.nanoTime() - start));
        return value.isShown() ? value.value() : null;
    }

    // The body becomes one lambda on its own first line, so that it is compiled once and errors keep their lines.
    private @Nullable Object bench(List<String> arguments, String body) throws Exception {
        int runs = arguments.isEmpty() ? DEFAULT_RUNS : Integer.parseInt(arguments.get(0));
        String whole =
                body.stripTrailing().endsWith(";") || body.stripTrailing().endsWith("}") ? body : body + ";";
        CellValue value = kernel.engine()
                .eval(
                        "org.skipgpt.kernel.magic.Bench.measure(" + runs + ", () -> { " + whole + "\n})",
                        kernel.origin());
        return print(String.valueOf(value.value()));
    }

    private @Nullable Object load(List<String> arguments) throws Exception {
        if (arguments.size() != 1) {
            throw new IllegalArgumentException("%load takes one file, e.g. %load helpers.jsh");
        }
        Path file = Path.of(arguments.get(0));
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    "there is no file " + file + " below " + Path.of("").toAbsolutePath() + "; correct the path");
        }
        @Nullable Object last = null;
        for (NotebookFile.Piece piece : NotebookFile.pieces(file)) {
            CellValue value = kernel.engine().eval(piece.code(), piece.origin());
            last = value.isShown() ? value.value() : null;
        }
        return last;
    }

    private @Nullable Object classpath(List<String> arguments) {
        if (arguments.isEmpty()) {
            return print(System.getProperty("java.class.path").replace(File.pathSeparator, "\n"));
        }
        arguments.forEach(kernel::addToClasspath);
        return null;
    }

    private String list() {
        return kernel.engine()
                .declarations()
                .filter(snippet -> snippet.kind() != Snippet.Kind.IMPORT)
                .map(snippet -> snippet.source().strip())
                .collect(Collectors.joining("\n"));
    }

    private static @Nullable Object print(String text) {
        System.out.println(text);
        return null;
    }
}
