package org.skipgpt.kernel.ijava;

import io.github.spencerpark.jupyter.kernel.BaseKernel;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import io.github.spencerpark.jupyter.kernel.display.Renderer;
import java.util.Map;
import java.util.UUID;
import org.skipgpt.kernel.live.Live;
import org.skipgpt.kernel.live.Screen;
import org.skipgpt.kernel.render.Rendering;
import org.skipgpt.kernel.render.Renderings;

/**
 * Installs renderers and live outputs in a kernel on IJava's base library.
 *
 * <p>Stock IJava 1.3.0 calls it from a start-up script; see {@code ijava-startup.jsh}.
 */
public final class IJavaExtension {
    private IJavaExtension() {}

    /** Installs everything in a kernel. */
    public static void install(BaseKernel kernel) {
        Renderings.all().forEach(rendering -> register(kernel.getRenderer(), rendering));
        Live.use(new KernelScreen(kernel));
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
            data.setDisplayId(id);
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
