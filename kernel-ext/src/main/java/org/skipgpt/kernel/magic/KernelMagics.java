package org.skipgpt.kernel.magic;

import io.github.spencerpark.jupyter.kernel.magic.registry.CellMagicFunction;
import io.github.spencerpark.jupyter.kernel.magic.registry.LineMagicFunction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Snippet;
import jdk.jshell.VarSnippet;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.JavaKernel;
import org.skipgpt.kernel.cell.CellValue;

/** The magics of this kernel; {@code %help} lists them. */
public final class KernelMagics {
    private static final int DEFAULT_RUNS = 7;
    private static final String HELP_LINE = "%-34s %s";

    private final JavaKernel kernel;
    private final ArtifactMagics artifacts;
    private final Map<String, String> help;

    /** Makes the magics of a kernel. */
    public KernelMagics(JavaKernel kernel) {
        this.kernel = kernel;
        this.artifacts = new ArtifactMagics(kernel);
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
        line("who", "%who", "the variables of this session and their types", args -> print(who()));
        line("drop", "%drop NAME ...", "forgets declarations and lets their values go", this::drop);
        line("reset", "%reset", "forgets all declarations of this session", args -> print(reset(args)));
        line("classpath", "%classpath [JAR OR FOLDER ...]", "shows or extends the class path", artifacts::classpath);
        line("jars", "%jars JAR ...", "as %classpath", artifacts::classpath);
        String maven = "adds artifacts of Maven repositories, group:artifact:version, and what they need";
        line("maven", "%maven [--bom BOM] [--sources] ARTIFACT ...", maven, artifacts::maven);
        line("addMavenDependency", "%addMavenDependency ARTIFACT ...", "as %maven", artifacts::maven);
        line("mavenRepo", "%mavenRepo [ID ADDRESS]", "adds a Maven repository, or lists them", artifacts::repository);
        line("loadFromPOM", "%loadFromPOM FILE", "adds the dependencies of a POM", artifacts::pomFile);
        cell(
                "loadFromPOM",
                "%%loadFromPOM",
                "adds the dependencies of the POM below it",
                (args, body) -> artifacts.pom(body));
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
        Path file = existing(arguments.get(0));
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

    // A relative path is looked for in the folder that the kernel works in, which a reader may not know.
    static String place(Path path) {
        return path.isAbsolute()
                ? path.toString()
                : path + " below " + Path.of("").toAbsolutePath();
    }

    /** The file as named, or with the first ending that makes it one. */
    private static Path existing(String name) {
        return Stream.of("", ".jsh", ".java", ".ipynb")
                .map(ending -> Path.of(name + ending))
                .filter(Files::isRegularFile)
                .findFirst()
                .orElse(Path.of(name));
    }

    private String who() {
        String all = kernel.engine()
                .declarations()
                .filter(snippet -> snippet instanceof VarSnippet
                        && snippet.subKind() != Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND)
                .map(VarSnippet.class::cast)
                .map(variable -> variable.typeName() + " " + variable.name()
                        + kernel.engine()
                                .remark(variable)
                                .map(remark -> "  // " + remark)
                                .orElse(""))
                .collect(Collectors.joining("\n"));
        return all.isEmpty() ? "there are no variables yet" : all;
    }

    private @Nullable Object drop(List<String> names) {
        if (names.isEmpty()) {
            throw new IllegalArgumentException("name the variables, methods or types to forget");
        }
        for (String name : names) {
            int dropped = kernel.engine()
                    .drop(snippet -> snippet instanceof DeclarationSnippet declaration
                            && declaration.name().equals(name));
            if (dropped == 0) {
                throw new IllegalArgumentException("nothing is called " + name + "; %list shows what is declared");
            }
        }
        return null;
    }

    private String reset(List<String> arguments) {
        if (!arguments.isEmpty() && !arguments.equals(List.of("-f"))) {
            throw new IllegalArgumentException("%reset takes nothing; %drop NAME forgets a single declaration");
        }
        return "forgot " + kernel.engine().drop(snippet -> true) + " declarations; the class path stays";
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
