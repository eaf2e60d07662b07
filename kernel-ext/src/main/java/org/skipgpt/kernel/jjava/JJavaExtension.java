package org.skipgpt.kernel.jjava;

import java.io.IOException;
import java.util.Map;
import java.util.UUID;
import org.dflib.jjava.jupyter.Extension;
import org.dflib.jjava.jupyter.kernel.BaseKernel;
import org.dflib.jjava.jupyter.kernel.display.DisplayData;
import org.dflib.jjava.jupyter.kernel.display.Renderer;
import org.skipgpt.kernel.CellImports;
import org.skipgpt.kernel.live.Live;
import org.skipgpt.kernel.live.Screen;
import org.skipgpt.kernel.render.Rendering;
import org.skipgpt.kernel.render.Renderings;

/** Installs renderers, live outputs and imports in JJava; nothing is needed but the class path. */
public final class JJavaExtension implements Extension {
    /** JJava makes it. */
    public JJavaExtension() {}

    @Override
    public void install(BaseKernel kernel) {
        Renderings.all().forEach(rendering -> register(kernel.getRenderer(), rendering));
        Live.use(new KernelScreen(kernel));
        try {
            kernel.eval(String.join("\n", CellImports.forShell()));
        } catch (IOException | RuntimeException | LinkageError e) {
            // JJava means to remove eval; without it a notebook needs imports of its own.
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.WARNING, "no names are imported", e);
        }
    }

    private static <T> void register(Renderer renderer, Rendering<T> rendering) {
        renderer.createRegistration(rendering.type())
                .supporting(rendering.onRequest().keySet().toArray(String[]::new))
                .preferring(rendering.mimes().toArray(String[]::new))
                .register((value, context) -> {
                    rendering
                            .of(value)
                            .forEach((mime, form) -> context.renderIfRequested(MimeTypes.of(mime), () -> form));
                    rendering
                            .onRequest()
                            .keySet()
                            .forEach(mime ->
                                    context.renderIfRequested(MimeTypes.of(mime), () -> rendering.of(value, mime)));
                });
    }

    private record KernelScreen(BaseKernel kernel) implements Screen {
        @Override
        public String show(Map<String, String> forms) {
            String id = UUID.randomUUID().toString();
            DisplayData data = data(forms);
            data.putTransientData("display_id", id); // setDisplayId changed its signature after a6
            kernel.display(data);
            return id;
        }

        @Override
        public void update(String id, Map<String, String> forms) {
            kernel.getIO().display.updateDisplay(id, data(forms));
        }

        private static DisplayData data(Map<String, String> forms) {
            DisplayData data = new DisplayData();
            forms.forEach((mime, form) -> data.putData(MimeTypes.of(mime), form));
            return data;
        }
    }
}
