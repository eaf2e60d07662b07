package org.skipgpt.tokens;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import jinjava.javax.el.ELException;
import org.jspecify.annotations.Nullable;

/** Writes values as Python writes them: texts, whole numbers, True and False; what it would spell otherwise is refused. */
final class ChatWriter extends JinjavaInterpreter {
    private ChatWriter(Jinjava library, Context context, JinjavaConfig config) {
        super(library, context, config);
    }

    private ChatWriter(JinjavaInterpreter other) {
        super(other);
    }

    @Override
    public String getAsString(@Nullable Object value) {
        if (value instanceof Boolean holds) {
            return holds ? "True" : "False";
        }
        if (value == null || value instanceof CharSequence || value instanceof Long || value instanceof Integer) {
            return super.getAsString(value);
        }
        throw new ELException("a " + value.getClass().getSimpleName() + " is not written here as Python writes it");
    }

    /** Makes them. */
    static final class Factory implements InterpreterFactory {
        @Override
        public JinjavaInterpreter newInstance(JinjavaInterpreter other) {
            return new ChatWriter(other);
        }

        @Override
        public JinjavaInterpreter newInstance(Jinjava library, Context context, JinjavaConfig config) {
            return new ChatWriter(library, context, config);
        }
    }
}
