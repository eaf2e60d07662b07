package org.skipgpt.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.CodeOrigin;
import org.skipgpt.kernel.ijava.IJavaExtension;
import org.skipgpt.kernel.magic.KernelMagics;

/** Prepares the session: engine, imports, renderers, magics, the user's start-up code. */
final class Startup {
    private Startup() {}

    /** Starts the engine; the first cell waits for it, and is told where it cannot start. */
    static void run(JavaKernel kernel, Map<String, String> environment) {
        try {
            KernelSettings settings = KernelSettings.of(environment);
            CellEngine engine = engine(settings);
            for (Path path : settings.classpath()) {
                if (!Files.exists(path)) {
                    System.err.println("IJAVA_CLASSPATH names " + path + ", which is not there");
                }
                engine.addToClasspath(path.toString());
            }
            for (String line : CellImports.forCells()) {
                if (!engine.tryEval(line)) {
                    KernelMain.log("left out at start: " + line, null);
                }
            }
            LostExceptions lost = new LostExceptions(engine);
            Thread.setDefaultUncaughtExceptionHandler(lost);
            engine.onValue(lost::watch);
            engine.onThrown(lost::shown);
            new KernelMagics(kernel).register();
            IJavaExtension.install(kernel);
            kernel.engineStarted(engine);
            if (!settings.classpath().isEmpty()) {
                engine.tryEval(";"); // the loader of cells is there once something has run
            }
            kernel.installExtensions();
            runScripts(kernel, settings);
            kernel.ready();
        } catch (Exception | LinkageError e) {
            KernelMain.log("the Java engine did not start", e);
            kernel.engineFailed(e);
        }
    }

    private static CellEngine engine(KernelSettings settings) {
        List<String> options = settings.compilerOptions();
        CellEngine engine = new CellEngine(options, settings.timeout().toMillis(), System.err::println);
        try {
            engine.tryEval("import java.util.*;"); // javac looks at its options with the first code
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "IJAVA_COMPILER_OPTS is '" + String.join(" ", options) + "', and javac says: " + e.getMessage(), e);
        }
        return engine;
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
