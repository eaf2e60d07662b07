package org.skipgpt.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.client.KernelClient;
import org.skipgpt.kernel.client.KernelProcess;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.WireMessage;

/** A real kernel in a process of its own, with a client. */
final class LiveKernel implements AutoCloseable {
    /**
     * Far more than any request needs: a guard against hanging, no measure of speed. On a machine whose cores others own,
     * -Dskipgpt.minutes makes it longer.
     */
    static final Duration LIMIT = Duration.ofMinutes(Integer.getInteger("skipgpt.minutes", 3));

    final KernelProcess process;
    final KernelClient client;

    private LiveKernel(KernelProcess process) {
        this.process = process;
        this.client = new KernelClient(process.connection());
    }

    static LiveKernel start(Path folder, Map<String, String> environment) throws IOException, TimeoutException {
        Path spec = KernelSpec.install(folder, "Java (test)", System.getProperty("java.class.path"));
        return startFrom(spec, folder, environment);
    }

    static LiveKernel startFrom(Path spec, Path folder, Map<String, String> environment)
            throws IOException, TimeoutException {
        Path log = folder.resolve("kernel.log");
        LiveKernel kernel = new LiveKernel(KernelProcess.start(spec, folder, log, environment));
        try {
            kernel.client.awaitReady(LIMIT);
        } catch (TimeoutException e) {
            kernel.close();
            throw new IOException("the kernel did not start: " + Files.readString(log), e);
        }
        return kernel;
    }

    CellRun run(String code) throws TimeoutException {
        return client.execute(code, LIMIT);
    }

    CellRun await(WireMessage request) throws TimeoutException {
        return client.await(request, LIMIT, prompt -> "");
    }

    /** Waits until a cell has printed something, so that it surely runs. */
    void awaitOutput(WireMessage request) throws TimeoutException {
        boolean hasPrinted = client.find(
                        Channel.IOPUB,
                        LIMIT,
                        m -> m.type().equals("stream") && m.parentId().equals(request.id()))
                .isPresent();
        if (!hasPrinted) {
            throw new TimeoutException("the cell printed nothing");
        }
    }

    static List<String> texts(List<WireMessage> messages) {
        return messages.stream().map(m -> m.text("text", "")).toList();
    }

    @Override
    public void close() {
        try {
            if (process.isAlive()) {
                client.shutdown(false, LIMIT);
            }
        } catch (TimeoutException e) {
            process.handle().destroyForcibly();
        }
        client.close();
        process.close();
    }
}
