package org.skipgpt.kernel;

import io.github.spencerpark.jupyter.kernel.BaseKernel;
import io.github.spencerpark.jupyter.kernel.JupyterIO;
import io.github.spencerpark.jupyter.kernel.LanguageInfo;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import io.github.spencerpark.jupyter.kernel.magic.registry.Magics;
import io.github.spencerpark.jupyter.kernel.magic.registry.UndefinedMagicException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.Ansi;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.CellFailure;
import org.skipgpt.kernel.cell.CellValue;
import org.skipgpt.kernel.cell.CodeOrigin;
import org.skipgpt.kernel.cell.ThrownMessage;
import org.skipgpt.kernel.magic.CellParser;
import org.skipgpt.kernel.magic.CellPart;
import org.skipgpt.kernel.magic.CellPart.CellMagic;
import org.skipgpt.kernel.magic.CellPart.Code;
import org.skipgpt.kernel.magic.CellPart.LineMagic;

/**
 * The kernel as cells see it: {@code getKernelInstance()}. Renderer, magics and display types are those of IJava.
 *
 * <p>The base library gives the types; the wire is our own (see {@link KernelMain}), because the base library neither
 * aborts queued cells nor gathers printed text.
 */
public final class JavaKernel extends BaseKernel {
    private static volatile @Nullable JavaKernel instance;

    private final Publisher publisher;
    private final KernelIo kernelIo;
    private final History history;
    private final Magics magics = new Magics();
    private final Map<String, String> magicHelp = new ConcurrentSkipListMap<>();
    private final List<Runnable> closers = new ArrayList<>();
    private final CompletableFuture<CellEngine> engine = new CompletableFuture<>();
    private final CompletableFuture<Boolean> ready = new CompletableFuture<>();
    private final Set<String> extensions = ConcurrentHashMap.newKeySet();
    private final PendingCell pending = new PendingCell();
    private volatile CodeOrigin origin = CodeOrigin.named("startup");

    JavaKernel(Publisher publisher, Prompt prompt, History history) {
        this.publisher = publisher;
        this.kernelIo = new KernelIo(publisher, prompt);
        this.history = history;
        instance = this;
    }

    /**
     * The kernel of this JVM.
     *
     * @throws IllegalStateException outside of a kernel
     */
    public static JavaKernel instance() {
        JavaKernel kernel = instance;
        if (kernel == null) {
            throw new IllegalStateException("no kernel runs in this JVM; call this from a cell of a notebook");
        }
        return kernel;
    }

    /** Gives the kernel its engine; start-up code may use it from here on. */
    void engineStarted(CellEngine started) {
        engine.complete(started);
    }

    /** Lets the first cell run. */
    void ready() {
        ready.complete(true);
    }

    /** Tells waiting requests that there will be no engine. */
    void engineFailed(Throwable cause) {
        engine.completeExceptionally(cause);
        ready.complete(false);
    }

    /** Waits until a cell can run; an interrupt that comes from here on belongs to that cell. */
    void awaitCell() throws CellFailure {
        pending.await(ready);
    }

    /** The engine for the requests of the front end, which wait until the start-up code has run. */
    CellEngine readyEngine() {
        ready.join();
        return engine();
    }

    /** What runs the code. */
    public CellEngine engine() {
        try {
            return engine.join();
        } catch (CompletionException e) {
            Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
            throw new IllegalStateException("the Java engine did not start: " + cause.getMessage(), e);
        }
    }

    /** Runs a cell, magics included; an interrupt that came while it waited ends it here. */
    CellValue runCell(String source, CodeOrigin cell) throws Exception {
        return engine().execute(() -> {
            pending.begin();
            return run(source, cell);
        });
    }

    /** Runs code, magics included; part of the cell that runs, where one does. */
    public CellValue run(String source, CodeOrigin newOrigin) throws Exception {
        CellEngine running = engine();
        CodeOrigin before = origin;
        origin = newOrigin;
        try {
            return running.execute(() -> {
                CellValue last = CellValue.NONE;
                for (CellPart part : CellParser.parse(source)) {
                    last = runPart(running, part);
                }
                return last;
            });
        } finally {
            origin = before;
        }
    }

    private CellValue runPart(CellEngine running, CellPart part) throws Exception {
        if (part instanceof Code code) {
            return running.eval(code.text(), origin.plusLines(code.line()));
        }
        CodeOrigin whole = origin;
        Object value;
        if (part instanceof LineMagic magic) {
            origin = whole.plusLines(magic.line());
            value = applied(
                    "%" + magic.name(),
                    origin,
                    () -> magics.applyLineMagic(
                            magic.name(), magicArguments(magic.name(), magic.arguments(), magic.words())));
        } else {
            CellMagic magic = (CellMagic) part;
            origin = whole.plusLines(magic.line());
            value = applied(
                    "%%" + magic.name(),
                    whole.plusLines(magic.line() - 1),
                    () -> magics.applyCellMagic(magic.name(), magic.words(), magic.body()));
        }
        origin = whole;
        return value == null ? CellValue.NONE : new CellValue(true, value);
    }

    private @Nullable Object applied(String name, CodeOrigin place, Callable<@Nullable Object> magic) throws Exception {
        try {
            return magic.call();
        } catch (CellFailure e) {
            throw e; // code that the magic ran; it knows its own lines
        } catch (UndefinedMagicException e) {
            throw failure(place, "UndefinedMagic", "there is no magic " + name + "; %help lists those there are");
        } catch (Exception e) {
            throw failure(place, e.getClass().getName(), ThrownMessage.of(e));
        }
    }

    private static CellFailure failure(CodeOrigin place, String name, String message) {
        String where = Ansi.bold(place.name() + ", line " + place.firstLine());
        return new CellFailure(name, message, List.of(Ansi.bold(name) + ": " + message, "    at " + where));
    }

    // %time takes code, whose quotes and blanks must stay as they are.
    private static List<String> magicArguments(String name, String raw, List<String> words) {
        return name.equals("time") ? List.of(raw) : words;
    }

    /** Where the code that runs now comes from. */
    public CodeOrigin origin() {
        return origin;
    }

    /** Runs code, magics included, and returns the value of its last expression; null where it has none. */
    public @Nullable Object evalRaw(String code) throws Exception {
        return run(code, CodeOrigin.named("eval")).value();
    }

    @Override
    public DisplayData eval(String code) throws Exception {
        Object value = evalRaw(code);
        return value == null ? new DisplayData("null") : show(value);
    }

    /** The magics; further ones may be registered. */
    public Magics getMagics() {
        return magics;
    }

    /** What the magics do, by their names with percent signs; completion and inspection tell it, too. */
    public Map<String, String> magicHelp() {
        return magicHelp;
    }

    /** Adds a jar or a folder to what cells can use. */
    public void addToClasspath(String path) {
        engine().addToClasspath(path);
    }

    /** Installs the extensions of the class path that are not installed yet; broken ones are told on the error stream. */
    public void installExtensions() {
        if (!engine().classPath().provides(KernelExtension.class.getName())) {
            return; // to ask the class loader would open all jars
        }
        ClassLoader loader = engine().loader();
        Iterator<ServiceLoader.Provider<KernelExtension>> found =
                ServiceLoader.load(KernelExtension.class, loader).stream().iterator();
        while (found.hasNext()) {
            String name = KernelExtension.class.getName();
            try {
                ServiceLoader.Provider<KernelExtension> extension = found.next();
                name = extension.type().getName();
                if (extensions.add(name)) {
                    extension.get().install(this);
                }
            } catch (ServiceConfigurationError | RuntimeException | LinkageError e) {
                System.err.println("the extension " + name + " is not installed: " + e);
            }
        }
    }

    /** Runs an action when the kernel ends, in reverse order of registration. */
    public void onClose(Runnable action) {
        synchronized (closers) {
            closers.add(action);
        }
    }

    /** Sources of the cells run so far, oldest first. */
    public List<String> sources() {
        return history.sources();
    }

    /** A value as the front end shows it. */
    public DisplayData show(@Nullable Object value) {
        if (value == null) {
            return new DisplayData("null");
        }
        return value instanceof DisplayData data ? data : getRenderer().render(value);
    }

    @Override
    public void display(DisplayData data) {
        publisher.display(data);
    }

    /** Replaces what was displayed under an id. */
    public void updateDisplay(String id, DisplayData data) {
        data.setDisplayId(id);
        publisher.update(data);
    }

    /** Removes the cell's outputs so far; with {@code wait} only when the next output comes, which does not flicker. */
    public void clearOutput(boolean wait) {
        publisher.clear(wait);
    }

    @Override
    public JupyterIO getIO() {
        return kernelIo;
    }

    @Override
    public void interrupt() {
        pending.interrupt();
        if (engine.isDone() && !engine.isCompletedExceptionally()) {
            engine.join().interrupt();
        }
    }

    @Override
    public void onShutdown(boolean isRestarting) {
        interrupt();
        List<Runnable> actions;
        synchronized (closers) {
            actions = new ArrayList<>(closers);
        }
        for (int i = actions.size() - 1; i >= 0; i--) {
            try {
                actions.get(i).run();
            } catch (RuntimeException | Error e) {
                KernelMain.log("a close action failed", e);
            }
        }
    }

    @Override
    public LanguageInfo getLanguageInfo() {
        return new LanguageInfo.Builder("java")
                .version(System.getProperty("java.specification.version"))
                .mimetype("text/x-java-source")
                .fileExtension(".jsh")
                .pygments("java")
                .codemirror("java")
                .build();
    }

    @Override
    public String getBanner() {
        return "Java " + Runtime.version() + " · SkipGPT kernel · %help lists the magics";
    }

    /** Words for a failure that is none of the cell's own. */
    static CellFailure failure(Throwable cause) {
        if (cause instanceof CellFailure failure) {
            return failure;
        }
        String name = cause.getClass().getName();
        String message = ThrownMessage.of(cause);
        return new CellFailure(name, message, List.of(Ansi.bold(name) + ": " + message));
    }
}
