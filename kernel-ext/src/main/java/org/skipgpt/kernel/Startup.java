package org.skipgpt.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.CodeOrigin;
import org.skipgpt.kernel.ijava.IJavaExtension;
import org.skipgpt.kernel.magic.KernelMagics;

/** Prepares the session: engine, imports, renderers, magics, the user's start-up code. */
final class Startup {
    private Startup() {}

    /** Makes the engine with the imports that cells begin with; takes the longest of a start, and needs no kernel. */
    static CellEngine engine(Map<String, String> environment) throws IOException {
        KernelSettings settings = KernelSettings.of(environment);
        List<String> options = settings.compilerOptions();
        // by a lambda, as the stream of the cells comes to be while this runs
        CellEngine engine =
                new CellEngine(options, settings.timeout().toMillis(), notice -> System.err.println(notice));
        try {
            for (String line : engine.importAll(CellImports.forCells(), CellImports.PROBE)) {
                KernelMain.log("left out at start: " + line, null);
            }
            return engine;
        } catch (IllegalArgumentException e) { // javac looks at its options with the first code
            throw new IllegalArgumentException(
                    "IJAVA_COMPILER_OPTS is '" + String.join(" ", options) + "', and javac says: " + e.getMessage(), e);
        }
    }

    /** Prepares the session; the first cell waits for it, and is told where it cannot start. */
    static void run(JavaKernel kernel, Future<CellEngine> made, Map<String, String> environment) {
        try {
            new KernelMagics(kernel).register();
            IJavaExtension.install(kernel);
            KernelSettings settings = KernelSettings.of(environment);
            CellEngine engine = made.get();
            LostExceptions lost = new LostExceptions(engine);
            Thread.setDefaultUncaughtExceptionHandler(lost);
            engine.onValue(lost::watch);
            engine.onThrown(lost::shown);
            addClassPath(engine, settings);
            kernel.engineStarted(engine);
            kernel.installExtensions();
            runScripts(kernel, settings);
            kernel.ready();
        } catch (ExecutionException e) {
            failed(kernel, Objects.requireNonNullElse(e.getCause(), e));
        } catch (Exception | LinkageError e) {
            failed(kernel, e);
        }
    }

    private static void failed(JavaKernel kernel, Throwable cause) {
        KernelMain.log("the Java engine did not start", cause);
        kernel.engineFailed(cause);
    }

    private static void addClassPath(CellEngine engine, KernelSettings settings) {
        for (Path path : settings.classpath()) {
            if (!Files.exists(path)) {
                System.err.println("IJAVA_CLASSPATH names " + path + ", which is not there");
            }
            engine.addToClasspath(path.toString());
        }
        if (!settings.classpath().isEmpty()) {
            engine.tryEval(";"); // the loader of cells is there once something has run
        }
    }

    private static void runScripts(JavaKernel kernel, KernelSettings settings) {
        for (Path script : settings.startupScripts()) {
            try {
                runScript(kernel, Files.readString(script), script.getFileName().toString());
            } catch (IOException e) {
                System.err.println("the start-up script " + script
                        + " cannot be read: correct IJAVA_STARTUP_SCRIPTS_PATH or unset it (" + e + ")");
            }
        }
        if (!settings.startupCode().isBlank()) {
            runScript(kernel, settings.startupCode(), "IJAVA_STARTUP_SCRIPT");
        }
    }

    // A broken start-up script must not take the session with it; its reader sees the failure above the first output.
    private static void runScript(JavaKernel kernel, String code, String name) {
        try {
            kernel.run(code, CodeOrigin.named(name));
        } catch (Exception e) {
            JavaKernel.failure(e).traceback().forEach(System.err::println);
        }
    }
}
