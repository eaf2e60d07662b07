package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.spencerpark.jupyter.channels.ShellReplyEnvironment;
import io.github.spencerpark.jupyter.kernel.JupyterIO;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import io.github.spencerpark.jupyter.messages.ContentType;
import io.github.spencerpark.jupyter.messages.Message;
import io.github.spencerpark.jupyter.messages.MessageContext;
import io.github.spencerpark.jupyter.messages.publish.PublishClearOutput;
import io.github.spencerpark.jupyter.messages.publish.PublishDisplayData;
import io.github.spencerpark.jupyter.messages.publish.PublishUpdateDisplayData;
import java.io.IOException;
import java.io.UncheckedIOException;

/** IJava's view of input and output, on our publisher: code written for IJava reaches it by {@code getIO()}. */
final class KernelIo extends JupyterIO {
    KernelIo(Publisher publisher, Prompt prompt) {
        super(UTF_8);
        setEnv(new Environment(publisher, prompt));
    }

    private static final class Environment extends ShellReplyEnvironment {
        private final Publisher publisher;
        private final Prompt prompt;

        // The sockets of the base library are never used: everything that reached them is overridden.
        @SuppressWarnings("NullAway")
        private Environment(Publisher publisher, Prompt prompt) {
            super(null, null, null, (MessageContext) null);
            this.publisher = publisher;
            this.prompt = prompt;
        }

        @Override
        public <T extends ContentType<T>> void publish(T content) {
            take(content);
        }

        @Override
        public void publish(Message<?> message) {
            take(message.getContent());
        }

        private void take(Object content) {
            if (content instanceof PublishUpdateDisplayData update) {
                publisher.update(update);
            } else if (content instanceof PublishDisplayData display) {
                publisher.display(display);
            } else if (content instanceof PublishClearOutput) {
                publisher.clear(true);
            } else if (content instanceof DisplayData data) {
                publisher.display(data);
            }
        }

        @Override
        public void writeToStdOut(String text) {
            publisher.print("stdout", text);
        }

        @Override
        public void writeToStdErr(String text) {
            publisher.print("stderr", text);
        }

        @Override
        public String readFromStdIn(String question, boolean password) {
            try {
                return prompt.ask(question, password);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
