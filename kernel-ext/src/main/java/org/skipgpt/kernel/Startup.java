package org.skipgpt.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.CodeOrigin;
import org.skipgpt.kernel.ijava.IJavaExtension;
import org.skipgpt.kernel.magic.KernelMagics;

/** Prepares the session: engine, imports, renderers, magics, the user's start-up code. */
final class Startup {
    private Startup() {}

    /** Starts the engine; the first cell waits for it. */
    static void run(JavaKernel kernel, KernelSettings settings) {
        try {
            CellEngine engine = new CellEngine(
                    settings.compilerOptions(), settings.timeout().toMillis());
            settings.classpath().forEach(path -> engine.addToClasspath(path.toString()));
            for (String line : CellImports.forCells()) {
                if (!engine.tryEval(line)) {
                    KernelMain.log("left out at start: " + line, null);
                }
            }
            new KernelMagics(kernel).register();
            IJavaExtension.install(kernel);
            kernel.engineStarted(engine);
            runScripts(engine, settings);
            kernel.ready();
        } catch (Exception | LinkageError e) {
            KernelMain.log("the Java engine did not start", e);
            kernel.engineFailed(e);
        }
    }

    // A broken start-up script must not take the session with it; its reader sees the failure above the first output.
    private static void runScripts(CellEngine engine, KernelSettings settings) throws IOException {
        for (Path script : settings.startupScripts()) {
            runScript(engine, Files.readString(script), script.getFileName().toString());
        }
        if (!settings.startupCode().isBlank()) {
            runScript(engine, settings.startupCode(), "IJAVA_STARTUP_SCRIPT");
        }
    }

    private static void runScript(CellEngine engine, String code, String name) {
        try {
            engine.execute(() -> engine.eval(code, CodeOrigin.named(name)));
        } catch (Exception e) {
            JavaKernel.failure(e).traceback().forEach(System.err::println);
        }
    }
}
