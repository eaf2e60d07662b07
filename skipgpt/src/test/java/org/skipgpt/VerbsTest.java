package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;

class VerbsTest {
    static Stream<Method> verbs() {
        return Arrays.stream(SkipGpt.class.getDeclaredMethods())
                .filter(m -> Modifier.isPublic(m.getModifiers()) && !m.isSynthetic());
    }

    @Test
    void theyStandInOneClass() {
        assertThat(SkipGpt.class.getSuperclass()).isEqualTo(Object.class);
        assertThat(verbs()).hasSizeGreaterThan(60);
    }

    @ParameterizedTest
    @MethodSource("verbs")
    void theModelComesFirstTextsBeforeTheShareAndTheObserverLast(Method verb) {
        List<Class<?>> types = List.of(verb.getParameterTypes());
        int observer = types.indexOf(ProgressObserver.class);
        int texts = types.lastIndexOf(List.class);
        int share = Math.max(types.indexOf(double.class), types.indexOf(double[].class));
        int model = types.indexOf(LanguageModel.class);

        assertThat(observer).as("observer of %s", verb).isIn(-1, types.size() - 1);
        if (texts >= 0 && share >= 0) {
            assertThat(texts).as("texts of %s", verb).isEqualTo(share - 1);
        }
        if (model >= 0 && !verb.getName().startsWith("loadSkipGpt")) {
            assertThat(model).as("model of %s", verb).isZero();
        }
    }

    /** Work on a list of texts, a file of them or a run takes long; what writes text streams it instead. */
    static Stream<String> slowVerbs() {
        return verbs().filter(verb -> {
                    List<Class<?>> types = List.of(verb.getParameterTypes());
                    return types.contains(LanguageModel.class) && types.contains(List.class);
                })
                .map(Method::getName)
                .filter(name -> !List.of("generate", "chat").contains(name))
                .distinct();
    }

    @ParameterizedTest
    @MethodSource("slowVerbs")
    void whatIsSlowCanTellAnObserver(String name) {
        assertThat(verbs().filter(verb -> verb.getName().equals(name)))
                .anyMatch(verb -> List.of(verb.getParameterTypes()).contains(ProgressObserver.class));
    }
}
