package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.ScoreOptions;
import org.skipgpt.model.Generation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.tokens.ChatMessage;

/** Conversations by the checkpoint's own template, and the ends that its files name. */
@SuppressWarnings("NullAway") // the folder is there before anything is run
class ChatEngineTest {
    private static final GenerationOptions FEW = GenerationOptions.defaults().withMaxTokens(8);

    @TempDir
    private Path folder;

    @BeforeEach
    void copyTheWorld() throws IOException {
        Workspace.open("cpu", "fp32");
        try (Stream<Path> files = Files.list(Path.of("../datasets/world/model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
    }

    @AfterEach
    void close() {
        Workspace.current().close();
    }

    private LanguageModel with(String template) throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        return SkipGpt.load(folder.toString());
    }

    @Test
    void anAnswerContinuesWhatTheTemplateMakesOfTheConversation() throws IOException {
        LanguageModel model = with("{% for m in messages %}{{ m.role + ': ' + m.content }}\n{% endfor %}The");

        Generation answer = SkipGpt.chat(
                model,
                List.of(
                        ChatMessage.user("Where is the kite?"),
                        ChatMessage.assistant("Here."),
                        ChatMessage.user("And")),
                FEW);

        int[] ids = model.tokenizer().encode("user: Where is the kite?\nassistant: Here.\nuser: And\nThe");
        assertThat(answer.continuations()).isEqualTo(model.generateIds(FEW, ids).continuations());
        assertThat(answer.continuations().get(0).promptTokens()).isEqualTo(ids.length);
    }

    @Test
    void aCheckpointWithoutATemplateSaysWhatIsMissing() {
        LanguageModel model = SkipGpt.load(folder.toString());

        assertThatThrownBy(() -> SkipGpt.chat(model, "Hello"))
                .hasMessageContaining("no chat template")
                .hasMessageContaining("chat_template.jinja");
        assertThatThrownBy(() -> SkipGpt.evaluate(
                        model,
                        List.of("piqa"),
                        EvaluationOptions.defaults().withFirst(2).withChat(),
                        ProgressObserver.silent()))
                .hasMessageContaining("evaluate without withChat()");
    }

    /** A template that writes the question and a space asks exactly what is asked without one. */
    @Test
    void questionsOfAnEvaluationMayBeWrittenByTheTemplate() throws IOException {
        LanguageModel model = with("{{ messages[0].content + ' ' }}");
        EvaluationOptions plain = EvaluationOptions.defaults()
                .withFirst(4)
                .withScoring(ScoreOptions.defaults().withBos(ScoreOptions.Bos.NEVER));

        Evaluation asked = SkipGpt.evaluate(model, List.of("piqa"), plain, ProgressObserver.silent());
        Evaluation chatted = SkipGpt.evaluate(model, List.of("piqa"), plain.withChat(), ProgressObserver.silent());
        Evaluation other = SkipGpt.evaluate(
                with("Question: {{ messages[0].content }}\nAnswer:\n"),
                List.of("piqa"),
                plain.withChat(),
                ProgressObserver.silent());

        assertThat(scores(chatted)).isEqualTo(scores(asked));
        assertThat(scores(other)).isNotEqualTo(scores(asked));
    }

    private static List<String> scores(Evaluation evaluation) {
        return evaluation.tasks().get(0).items().stream()
                .map(item -> Arrays.toString(item.logLikelihoods()))
                .toList();
    }

    @Test
    void everyEndThatTheFilesNameEndsATextAndIsNamedExportedAndCopied() throws IOException {
        LanguageModel before = SkipGpt.load(folder.toString());
        int[] prompt = before.tokenizer().encodeWithBos("The red kite");
        int second = before.generateIds(FEW, prompt).continuations().get(0).tokens()[1];
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [" + second + "]}");

        LanguageModel model = SkipGpt.load(folder.toString());
        Generation ended = model.generateIds(FEW, prompt);

        assertThat(ended.continuations().get(0).tokens()).hasSize(2).endsWith(second);
        assertThat(ended.ends()).anyMatch(end -> end.endsWith("(" + second + ")"));
        assertThat(ended.text()).contains("ends at ").contains("(" + second + ")");
        assertThat(model.generateIds(FEW.withoutEnd(), prompt).ends()).isEmpty();

        Path exported = folder.resolve("exported");
        SkipGpt.export(model, folder.toString(), exported.toString());
        JsonObject config = JsonParser.parseString(Files.readString(exported.resolve("config.json")))
                .getAsJsonObject();
        assertThat(config.get("eos_token_id").getAsJsonArray().asList().stream().map(id -> id.getAsInt()))
                .containsExactlyInAnyOrderElementsOf(model.tokenizer().ends());
        assertThat(exported.resolve("generation_config.json"))
                .hasSameTextualContentAs(folder.resolve("generation_config.json"));
        assertThat(SkipGpt.load(exported.toString()).tokenizer().ends())
                .isEqualTo(model.tokenizer().ends());
    }
}
