package org.skipgpt;

import static org.skipgpt.FuzzTarget.alone;
import static org.skipgpt.FuzzTarget.among;

import com.github.luben.zstd.Zstd;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.skipgpt.data.DataRow;
import org.skipgpt.data.DataRows;
import org.skipgpt.data.DatasetManifest;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.TextUnit;
import org.skipgpt.eval.TaskData;
import org.skipgpt.eval.Tasks;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Llama2cFile;
import org.skipgpt.io.ProvenanceJson;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.TensorSource;
import org.skipgpt.io.TorchFile;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.tokens.ChatMessage;
import org.skipgpt.tokens.ChatTemplate;
import org.skipgpt.tokens.GgufTokens;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;

/** Kinds of files that others make, or that need no engine to be read; {@link FuzzKept} and {@link FuzzFolders} have the rest. */
public final class FuzzTargets {
    static final Path GOLDEN = Path.of("src/test/resources/golden");

    private FuzzTargets() {}

    /** All that is read without an engine. */
    public static List<FuzzTarget> all() throws IOException {
        return Stream.of(weights(), descriptions(), tokenizers(), rows(), FuzzKept.targets())
                .flatMap(List::stream)
                .toList();
    }

    private static List<FuzzTarget> weights() throws IOException {
        return List.of(
                file(
                        "safetensors",
                        GOLDEN.resolve("rivals/similarity_llama3.safetensors"),
                        (d, f) -> all(SafeTensors.open(f))),
                file("torch", GOLDEN.resolve("torch/formats.pth"), (d, f) -> all(TorchFile.open(f))),
                file("state_dict", GOLDEN.resolve("torch/state_dict.pth"), (d, f) -> all(TorchFile.open(f))),
                file("gguf", GOLDEN.resolve("gguf/llama3.gguf"), (d, f) -> all(GgufFile.open(f))),
                alone("llama2.c", "model.bin", FuzzBytes.llama2c(), (d, f) -> all(Llama2cFile.open(f))),
                new FuzzTarget(
                        "index",
                        "model.safetensors.index.json",
                        FuzzBytes.of("{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"x.safetensors\"}}"),
                        Map.of("config.json", FuzzBytes.of("{}"), "x.safetensors", FuzzBytes.tensor()),
                        (d, f) -> HuggingFaceFolder.open(d).close()));
    }

    private static List<FuzzTarget> descriptions() throws IOException {
        JsonObject dropping = Json.object(GOLDEN.resolve("families/llama3/config.json"));
        dropping.add("drop_attn_list", Json.object("{\"a\":[1]}", "a list").get("a"));
        dropping.add("drop_mlp_list", Json.object("{\"a\":[0, 1]}", "a list").get("a"));
        return List.of(
                file("config", GOLDEN.resolve("families/gemma2/config.json"), (d, f) -> config(f)),
                file("config llama31", GOLDEN.resolve("families/llama31/config.json"), (d, f) -> config(f)),
                file("config gemma3", GOLDEN.resolve("families/gemma3/config.json"), (d, f) -> config(f)),
                alone("config LLM-Drop", "config.json", FuzzBytes.of(dropping.toString()), (d, f) -> config(f)),
                file("peft", GOLDEN.resolve("peft/adapter/adapter_config.json"), (d, f) -> PeftFolder.config(d)),
                file("task", Path.of("src/main/resources/org/skipgpt/eval/tasks/piqa.json"), (d, f) -> Tasks.open(f)),
                file("manifest", Path.of("../datasets/manifest.json"), (d, f) -> DatasetManifest.read(f)),
                alone("drop plan", "plan.json", FuzzBytes.plan(), (d, f) -> DropPlan.open(f)),
                alone(
                        "provenance",
                        "a.json",
                        FuzzBytes.of(Provenance.of("x").withSeed(7).toJson()),
                        (d, f) -> ProvenanceJson.read(JsonFields.of(f))));
    }

    private static List<FuzzTarget> tokenizers() throws IOException {
        Path shapes = GOLDEN.resolve("tokenizer/shapes");
        Map<String, byte[]> smollm = files(shapes.resolve("smollm"), "tokenizer.json", "tokenizer_config.json");
        Map<String, byte[]> qwen =
                files(shapes.resolve("qwen2-files"), "vocab.json", "merges.txt", "tokenizer_config.json");
        Map<String, byte[]> added = files(
                shapes.resolve("added-json"),
                "tokenizer.json",
                "tokenizer_config.json",
                "added_tokens.json",
                "special_tokens_map.json");
        byte[] generation = FuzzBytes.of("{\"bos_token_id\": 1, \"eos_token_id\": [2, 5], \"temperature\": 0.6}");
        return List.of(
                file("tokenizer", shapes.resolve("smollm/tokenizer.json"), (d, f) -> speak(f)),
                file("unigram", shapes.resolve("unigram/tokenizer.json"), (d, f) -> speak(f)),
                file("gguf tokenizer", GOLDEN.resolve("gguf/tokens-smollm.gguf"), (d, f) -> speakGguf(f)),
                file("gguf pieces", GOLDEN.resolve("gguf/tokens-llama.gguf"), (d, f) -> speakGguf(f)),
                alone("llama2.c tokenizer", "tokenizer.bin", FuzzBytes.pieces(), (d, f) -> speak(f)),
                alone("sentencepiece", "tokenizer.model", FuzzBytes.sentencePieces(), (d, f) -> speak(f)),
                among("tokenizer settings", "tokenizer_config.json", smollm, (d, f) -> speak(d)),
                new FuzzTarget("generation config", "generation_config.json", generation, smollm, (d, f) -> speak(d)),
                among("vocabulary", "vocab.json", qwen, (d, f) -> speak(d)),
                among("merges", "merges.txt", qwen, (d, f) -> speak(d)),
                among("added tokens", "added_tokens.json", added, (d, f) -> speak(d)),
                among("special tokens", "special_tokens_map.json", added, (d, f) -> speak(d)),
                alone(
                        "chat template",
                        "chat_template.jinja",
                        chat(),
                        (d, f) -> ChatTemplate.in(d)
                                .orElseThrow()
                                .render(
                                        List.of(ChatMessage.user("Hello"), ChatMessage.assistant("<think>a</think>b")),
                                        true)));
    }

    private static List<FuzzTarget> rows() throws IOException {
        byte[] lines = FuzzBytes.of("{\"text\":\"one\",\"n\":1}\n{\"text\":\"two\",\"l\":[1,{\"a\":null}]}\n");
        byte[] list = FuzzBytes.of("[{\"text\":\"one\",\"n\":1.5},{\"text\":\"two\"}]");
        byte[] table = FuzzBytes.of("text,n\n\"a, \"\"b\"\"\nc\",1\nd,2\n");
        return List.of(
                alone("jsonl", "a.jsonl", lines, (d, f) -> rows(f)),
                alone("jsonl.gz", "a.jsonl.gz", FuzzBytes.gzip(lines), (d, f) -> rows(f)),
                alone("jsonl.zst", "a.jsonl.zst", Zstd.compress(lines), (d, f) -> rows(f)),
                alone("json", "a.json", list, (d, f) -> rows(f)),
                alone("csv", "a.csv", table, (d, f) -> rows(f)),
                alone("text", "a.txt", FuzzBytes.of("one\n\ntwo\r\nthree é"), (d, f) -> rows(f)),
                file("parquet", GOLDEN.resolve("parquet/types-snappy.parquet"), (d, f) -> rows(f)),
                file("parquet gzip", GOLDEN.resolve("parquet/types-gzip.parquet"), (d, f) -> rows(f)),
                file("parquet zstd", GOLDEN.resolve("parquet/types-zstd.parquet"), (d, f) -> rows(f)),
                file("parquet lz4", GOLDEN.resolve("parquet/types-lz4.parquet"), (d, f) -> rows(f)),
                file(
                        "questions",
                        GOLDEN.resolve("harness/items/piqa.validation.jsonl"),
                        (d, f) -> TaskData.read(Tasks.named("piqa"), f)));
    }

    private static FuzzTarget file(String kind, Path good, FuzzTarget.Reading reading) throws IOException {
        return alone(kind, String.valueOf(good.getFileName()), Files.readAllBytes(good), reading);
    }

    /** Files of a folder by their names. */
    static Map<String, byte[]> files(Path folder, String... names) throws IOException {
        Map<String, byte[]> files = new HashMap<>();
        for (String name : names) {
            files.put(name, Files.readAllBytes(folder.resolve(name)));
        }
        return files;
    }

    private static byte[] chat() throws IOException {
        return FuzzBytes.of(JsonFields.of(GOLDEN.resolve("chat/chat.json"))
                .object("templates")
                .object("qwen3")
                .text("template"));
    }

    static void all(TensorSource source) {
        try (source) {
            for (String name : source.names()) {
                if (source.info(name).elements() < 1 << 20) {
                    try {
                        source.floats(name);
                    } catch (CheckpointException e) {
                        // whole numbers are no weights; the message names the tensor
                        if (!String.valueOf(e.getMessage()).contains(name)) {
                            throw e;
                        }
                    }
                }
            }
        }
    }

    private static void speakGguf(Path file) {
        try (GgufFile open = GgufFile.open(file)) {
            speak(GgufTokens.of(file.toString(), open.values()));
        }
    }

    private static void speak(Path where) {
        speak(Tokenizers.open(where));
    }

    private static void speak(Tokenizer tokenizer) {
        tokenizer.decode(tokenizer.encodeWithMarks("ab c\n"));
        if (tokenizer instanceof AutoCloseable owner) {
            close(owner);
        }
    }

    private static void close(AutoCloseable owner) {
        try {
            owner.close();
        } catch (Exception e) {
            throw new AssertionError("a tokenizer that cannot be closed", e);
        }
    }

    private static void config(Path file) {
        JsonObject json = Json.object(file);
        ConfigJson.read(json);
        ConfigJson.dropped(json);
    }

    private static void rows(Path file) {
        for (TextUnit unit : List.of(TextUnit.LINE, TextUnit.FILE)) {
            try (Stream<DataRow> rows = DataRows.open(file, unit, fault -> {
                if (!fault.file().equals(file.toString())) {
                    throw new AssertionError("a fault without its file: " + fault);
                }
            })) {
                rows.forEach(row -> row.text("text"));
            }
            if (!DataRows.isPlain(file)) {
                return;
            }
        }
        try (Stream<String> texts = TextFiles.of(file).open(fault -> {})) {
            texts.forEach(Objects::requireNonNull);
        }
    }
}
