package org.skipgpt.io;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The body of an HTTP answer as a stream whose reads end when the connection falls silent or the thread is interrupted.
 *
 * <p>The JDK's own stream waits for ever on a silent connection, and in Java 17 goes on waiting when interrupted.
 *
 * <pre>{@code
 * http.send(request, BodyStream.handler(Duration.ofSeconds(60)));
 * }</pre>
 */
public final class BodyStream extends InputStream implements HttpResponse.BodySubscriber<InputStream> {
    private static final List<ByteBuffer> END = List.of();

    private final BlockingQueue<List<ByteBuffer>> arrived = new LinkedBlockingQueue<>();
    private final Deque<ByteBuffer> buffers = new ArrayDeque<>();
    private final Duration silence;
    private volatile Flow.@Nullable Subscription source;
    private volatile @Nullable Throwable failure;
    private volatile boolean closed;
    private boolean ended;

    private BodyStream(Duration silence) {
        this.silence = silence;
    }

    /**
     * Makes bodies of answers into such streams.
     *
     * @param silence how long no byte may come before a read fails
     */
    public static HttpResponse.BodyHandler<InputStream> handler(Duration silence) {
        return answer -> new BodyStream(silence);
    }

    @Override
    public CompletionStage<InputStream> getBody() {
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        source = subscription;
        if (closed) {
            subscription.cancel();
        } else {
            subscription.request(1);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> more) {
        if (!more.isEmpty()) {
            arrived.add(more);
        } else {
            request();
        }
    }

    @Override
    public void onError(Throwable cause) {
        failure = cause;
        arrived.add(END);
    }

    @Override
    public void onComplete() {
        arrived.add(END);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    /**
     * Reads what is there, waiting for the first byte.
     *
     * @throws InterruptedIOException if the thread is interrupted; it stays interrupted
     * @throws IOException if the connection broke off or fell silent
     */
    @Override
    public int read(byte[] into, int from, int length) throws IOException {
        Objects.checkFromIndexSize(from, length, into.length);
        if (length == 0) {
            return 0;
        }
        while (buffers.isEmpty()) {
            if (ended) {
                return -1;
            }
            await();
        }
        ByteBuffer next = buffers.element();
        int count = Math.min(length, next.remaining());
        next.get(into, from, count);
        if (!next.hasRemaining()) {
            buffers.remove();
        }
        return count;
    }

    private void await() throws IOException {
        if (closed) {
            throw new IOException("the stream is closed");
        }
        List<ByteBuffer> more;
        try {
            more = arrived.poll(silence.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            close();
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for bytes");
        }
        if (more == null) {
            close();
            throw new IOException("no byte came for " + silence.toMillis() / 1000.0 + " seconds");
        }
        if (more == END) {
            ended = true;
            if (failure != null) {
                throw new IOException("the connection broke off: " + failure.getMessage(), failure);
            }
            return;
        }
        more.stream().filter(ByteBuffer::hasRemaining).forEach(buffers::add);
        request();
    }

    private void request() {
        Flow.Subscription subscription = source;
        if (subscription != null && !closed) {
            subscription.request(1);
        }
    }

    @Override
    public void close() {
        closed = true;
        Flow.Subscription subscription = source;
        if (subscription != null) {
            subscription.cancel();
        }
    }
}
