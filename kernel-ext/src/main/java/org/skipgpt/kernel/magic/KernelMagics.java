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
import java.util.stream.Collectors;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import jdk.jshell.Snippet;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.JavaKernel;
import org.skipgpt.kernel.KernelSettings;
import org.skipgpt.kernel.cell.CellValue;

/** The magics of this kernel; {@code %help} lists them. */
public final class KernelMagics {
    private static final int DEFAULT_RUNS = 7;
    private static final String HELP_LINE = "%-32s %s";

    private final JavaKernel kernel;
    private final Map<String, String> help;

    /** Makes the magics of a kernel. */
    public KernelMagics(JavaKernel kernel) {
        this.kernel = kernel;
        this.help = kernel.magicHelp();
    }

    /** Registers all of them. */
    public void register() {
        line("time", "%time CODE", "runs a line and prints its wall time", args -> time(String.join(" ", args)));
        cell("time", "%%time", "runs the cell and prints its wall time", (args, body) -> time(body));
        cell("bench", "%%bench [RUNS]", "runs the cell several times, prints median and range", this::bench);
        line("mem", "%mem", "memory of this process", args -> print(MachineState.memory()));
        line("gpu", "%gpu", "what GPUs there are and what they do", args -> print(MachineState.gpus()));
        line("load", "%load FILE", "runs a .jsh or .java file or the code cells of a notebook", this::load);
        line("list", "%list", "the declarations of this session", args -> print(list()));
        line("classpath", "%classpath [JAR OR FOLDER ...]", "shows or extends the class path", this::classpath);
        line("help", "%help", "this list", args -> print(help()));
    }

    private void line(String name, String usage, String text, LineMagicFunction<?> function) {
        help.put("%" + name, String.format(Locale.ROOT, HELP_LINE, usage, text));
        kernel.getMagics().registerLineMagic(name, function);
    }

    private void cell(String name, String usage, String text, CellMagicFunction<?> function) {
        help.put("%%" + name, String.format(Locale.ROOT, HELP_LINE, usage, text));
        kernel.getMagics().registerCellMagic(name, function);
    }

    private String help() {
        return String.join("\n", help.values());
    }

    private @Nullable Object time(String code) throws Exception {
        if (code.isBlank()) {
            throw new IllegalArgumentException("there is nothing to time: write %time CODE, or %%time above a cell");
        }
        long start = System.nanoTime();
        long ranBefore = kernel.engine().ranNanos();
        CellValue value = kernel.engine().eval(code, kernel.origin());
        long ran = kernel.engine().ranNanos() - ranBefore;
        long compiled = Math.max(0, System.nanoTime() - start - ran);
        System.out.printf(
                Locale.ROOT, "wall time: %s, after %s to compile%n", Bench.seconds(ran), Bench.seconds(compiled));
        return value.isShown() ? value.value() : null;
    }

    // The body becomes one lambda between two lines of ours, so that it is compiled once and errors keep their lines.
    private @Nullable Object bench(List<String> arguments, String body) throws Exception {
        int runs = runs(arguments);
        String whole =
                body.stripTrailing().endsWith(";") || body.stripTrailing().endsWith("}") ? body : body + ";";
        CellValue value = kernel.engine()
                .eval(
                        "org.skipgpt.kernel.magic.Bench.measure(" + runs + ", () -> {\n" + whole + "\n})",
                        kernel.origin().plusLines(-1));
        return print(String.valueOf(value.value()));
    }

    private static int runs(List<String> arguments) {
        if (arguments.isEmpty()) {
            return DEFAULT_RUNS;
        }
        String number = arguments.get(0);
        if (arguments.size() > 1 || !number.matches("[1-9]\\d{0,6}")) {
            throw new IllegalArgumentException("'" + String.join(" ", arguments)
                    + "' is no number of runs: expected 1 to 9999999, as in %%bench 20, with the code below it");
        }
        return Integer.parseInt(number);
    }

    private @Nullable Object load(List<String> arguments) throws Exception {
        if (arguments.size() != 1) {
            throw new IllegalArgumentException("%load takes one file, e.g. %load helpers.jsh");
        }
        Path file = Path.of(arguments.get(0));
        if (Files.isDirectory(file)) {
            throw new IOException(file + " is a folder: %load takes one file of .jsh, .java or .ipynb; name one in it");
        }
        if (!Files.isRegularFile(file)) {
            throw new IOException("there is no file " + place(file) + "; correct the path");
        }
        CellValue last = CellValue.NONE;
        for (NotebookFile.Piece piece : NotebookFile.pieces(file)) {
            last = kernel.run(piece.code(), piece.origin());
        }
        return last.isShown() ? last.value() : null;
    }

    private @Nullable Object classpath(List<String> arguments) throws IOException {
        if (arguments.isEmpty()) {
            return print(System.getProperty("java.class.path").replace(File.pathSeparator, "\n"));
        }
        for (String argument : arguments) {
            List<Path> found = KernelSettings.paths(argument);
            if (found.isEmpty() || !found.stream().allMatch(Files::exists)) {
                throw new IOException(
                        "there is no " + place(Path.of(argument)) + "; correct the path of the jar or folder");
            }
            for (Path path : found) {
                checkIsArchive(path);
            }
            found.forEach(path -> kernel.addToClasspath(path.toString()));
        }
        return null;
    }

    private static void checkIsArchive(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return;
        }
        try {
            new ZipFile(path.toFile()).close();
        } catch (ZipException e) {
            throw new IOException(path + " is neither a jar nor a folder: %classpath takes those; name one", e);
        }
    }

    // A relative path is looked for in the folder that the kernel works in, which a reader may not know.
    private static String place(Path path) {
        return path.isAbsolute()
                ? path.toString()
                : path + " below " + Path.of("").toAbsolutePath();
    }

    private String list() {
        String all = kernel.engine()
                .declarations()
                .filter(snippet -> snippet.kind() != Snippet.Kind.IMPORT)
                .filter(snippet -> snippet.subKind() != Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND)
                .map(snippet -> snippet.source().strip()
                        + kernel.engine()
                                .remark(snippet)
                                .map(remark -> "  // " + remark)
                                .orElse(""))
                .collect(Collectors.joining("\n"));
        return all.isEmpty() ? "nothing is declared yet" : all;
    }

    private static @Nullable Object print(String text) {
        System.out.println(text);
        return null;
    }
}
