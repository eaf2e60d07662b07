package org.skipgpt.tokens;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELException;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/** All that a template can ask of a value: entries of maps and lists, the state of a loop, methods of Python's texts. */
final class ChatValues extends ELResolver {
    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, @Nullable Object property) {
        context.setPropertyResolved(true);
        if (base == null || property == null) {
            return null; // Jinja's undefined
        }
        if (base instanceof Map<?, ?> map) {
            return map.get(property.toString());
        }
        if (property.toString().matches("-?[0-9]{1,9}")) {
            int place = Integer.parseInt(property.toString());
            if (base instanceof List<?> list) {
                return at(list, place);
            }
            if (base instanceof String text) {
                return at(text.codePoints().mapToObj(Character::toString).toList(), place);
            }
        }
        if (base instanceof ForLoop loop) {
            return loop(loop, property.toString());
        }
        return null; // a text or a number has no fields: undefined, as in Jinja
    }

    // counted from the end below 0; undefined beyond the ends
    private static @Nullable Object at(List<?> list, int index) {
        int place = index < 0 ? list.size() + index : index;
        return place >= 0 && place < list.size() ? list.get(place) : null;
    }

    private static Object loop(ForLoop loop, String property) {
        return switch (property) {
            case "index" -> (long) loop.getIndex();
            case "index0" -> (long) loop.getIndex0();
            case "revindex" -> (long) loop.getRevindex();
            case "revindex0" -> (long) loop.getRevindex0();
            case "length" -> (long) loop.getLength();
            case "first" -> loop.isFirst();
            case "last" -> loop.isLast();
            default -> throw new ELException("loop." + property + " is not known here");
        };
    }

    @Override
    public @Nullable Object invoke(
            ELContext context, @Nullable Object base, Object method, Class<?> @Nullable [] types, Object[] arguments) {
        context.setPropertyResolved(true);
        if (base instanceof String text) {
            return PythonText.call(text, method.toString(), arguments)
                    .orElseThrow(() -> new ELException("the method \"" + method + "\" of texts with " + arguments.length
                            + " arguments is not known here"));
        }
        if (base instanceof Map<?, ?> map && method.equals("get") && arguments.length > 0) {
            Object found = map.get(String.valueOf(arguments[0]));
            return found != null || arguments.length == 1 ? found : arguments[1];
        }
        return library(base, method.toString(), arguments);
    }

    // Filters and tests are objects to the library, and called as such; what is not allowed never gets here.
    private static @Nullable Object library(@Nullable Object base, String method, Object[] arguments) {
        if (arguments.length < 2 || !(arguments[1] instanceof JinjavaInterpreter interpreter)) {
            throw new ELException("the method \"" + method + "\" is not known here");
        }
        if (base instanceof Filter filter && arguments.length == 4) {
            @SuppressWarnings("unchecked") // as the library passes named arguments
            Map<String, Object> named = (Map<String, Object>) arguments[3];
            return filter.filter(arguments[0], interpreter, (Object[]) arguments[2], named);
        }
        if (base instanceof ExpTest test) {
            Object[] more = Arrays.copyOfRange(arguments, 2, arguments.length);
            boolean holds = test.evaluate(arguments[0], interpreter, more);
            return method.equals("evaluateNegated") != holds;
        }
        throw new ELException("the method \"" + method + "\" is not known here");
    }

    @Override
    public void setValue(ELContext context, @Nullable Object base, @Nullable Object property, @Nullable Object value) {
        throw new ELException("values of a conversation do not change");
    }

    @Override
    public boolean isReadOnly(ELContext context, @Nullable Object base, @Nullable Object property) {
        context.setPropertyResolved(true);
        return true;
    }

    @Override
    public Class<?> getType(ELContext context, @Nullable Object base, @Nullable Object property) {
        context.setPropertyResolved(true);
        return Object.class;
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
        return Object.class;
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, @Nullable Object base) {
        return Collections.emptyIterator();
    }
}
