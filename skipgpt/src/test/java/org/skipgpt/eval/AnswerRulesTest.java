package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What of a generated text is the answer, and when it is right. */
class AnswerRulesTest {
    @Test
    void strictSumsNeedTheMark() {
        AnswerRules strict = rules("gsm8k");
        List<String> right = List.of("She has 9 left.\n#### 1,018");
        assertThat(strict.read("so 9 + 9 = 18\n#### 1018.")).isEqualTo("1018.");
        assertThat(strict.accepts("so 9 + 9 = 18\n#### 1018.", right)).isTrue();
        assertThat(strict.accepts("the answer is 1018", right)).isFalse();
        assertThat(strict.read("the answer is 1018")).isEqualTo(AnswerRules.NONE);
    }

    @Test
    void flexibleSumsTakeTheLastNumber() {
        AnswerRules flexible = rules("gsm8k-flexible");
        assertThat(flexible.read("first 12 and then $7.")).isEqualTo("$7.");
        assertThat(flexible.accepts("first 12 and then $7.", List.of("#### 7"))).isTrue();
        assertThat(flexible.accepts("first 7 and then 12", List.of("#### 7"))).isFalse();
    }

    @Test
    void anyAliasIsRightWhateverItsCaseAndPunctuation() {
        AnswerRules trivia = rules("triviaqa");
        List<String> aliases = List.of("David Seville", "Dave (Seville)");
        assertThat(trivia.accepts(" DAVE Seville", aliases)).isTrue();
        assertThat(trivia.accepts(" Dave", aliases)).isFalse();
    }

    @Test
    void faultsAreToldAtOnce() {
        assertThatThrownBy(() -> new AnswerRules("", List.of(""), 0, "", true, false, false, false, List.of("(")))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("maxTokens 0 is not allowed: expected 1..4096")
                .hasMessageContaining("a stop text is empty")
                .hasMessageContaining("last chooses among matches, but there is no pattern")
                .hasMessageContaining("\"(\" is no regular expression");
    }

    @Test
    void formMetricAndRulesBelongTogether() {
        assertThatThrownBy(() -> TaskDescription.fromJson("{\"name\": \"a\", \"version\": \"1\", \"form\": \"answer\","
                        + " \"query\": \"{q}\", \"choices\": [\"{a}\"]}"))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("give all three or none");
        assertThatThrownBy(() -> TaskDescription.fromJson("{\"name\": \"a\", \"version\": \"1\", \"form\": \"answer\","
                        + " \"metric\": \"exact_match\", \"query\": \"{q}\", \"choices\": [\"{a}\"],"
                        + " \"answer\": {\"stops\": [\".\"]}}"))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("stops");
    }

    private static AnswerRules rules(String task) {
        return Tasks.named(task).answer().orElseThrow();
    }
}
