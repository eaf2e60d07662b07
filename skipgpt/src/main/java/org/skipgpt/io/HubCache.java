package org.skipgpt.io;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.skipgpt.report.ProgressObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Models of the Hugging Face hub in the cache folder that other Hugging Face tools share:
 * {@code models--owner--name/{refs,snapshots,blobs}}.
 *
 * <p>A model that is whole in the cache, its tokenizer included, is taken from there without asking the hub; anything missing
 * is downloaded.
 * Weights come last, and a file gets its name only when its sum is right, so a folder with weights is complete.
 *
 * <pre>{@code
 * Path folder = HubCache.ofEnvironment().load("meta-llama/Llama-3.2-1B", "main", ProgressObserver.silent());
 * }</pre>
 *
 * @param root the cache folder
 * @param endpoint the hub
 * @param token sent to the endpoint alone, never to another host; empty for none
 * @param offline whether the hub must not be asked
 */
public record HubCache(Path root, URI endpoint, String token, boolean offline) {
    private static final Pattern OWNED =
            Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}");

    private static final String TUNED = "skipgpt.json";
    private static final Pattern TUNED_PARTS = Pattern.compile(
            "routers\\.safetensors|policy-[0-9]{1,4}\\.safetensors|adapter/adapter_(config\\.json|model\\.safetensors)");
    private static final List<String> SMALL_FILES = List.of(
            HuggingFaceFolder.CONFIG,
            HuggingFaceFolder.GENERATION_CONFIG,
            "tokenizer.json",
            "tokenizer.model",
            "vocab.json",
            "merges.txt",
            "added_tokens.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "chat_template.jinja");
    private static final List<String> TOKENIZERS = List.of("tokenizer.json", "tokenizer.model", "vocab.json");
    private static final int LONGEST_TOKEN = 1000;
    private static final Set<String> YES = Set.of("1", "true", "yes", "on");
    private static final Logger LOG = LoggerFactory.getLogger(HubCache.class);

    /** Whether a text could be {@code owner/name} on a hub. */
    public static boolean isName(String text) {
        return OWNED.matcher(text).matches();
    }

    /** The cache of this process's environment, see {@link #of}. */
    public static HubCache ofEnvironment() {
        return of(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    /**
     * The cache that some environment variables describe: HF_HUB_CACHE or HF_HOME/hub or ~/.cache/huggingface/hub,
     * HF_ENDPOINT, HF_HUB_OFFLINE; HF_TOKEN, or the token that {@code hf auth login} stored in HF_TOKEN_PATH or HF_HOME/token
     * unless HF_HUB_DISABLE_IMPLICIT_TOKEN is set.
     */
    public static HubCache of(Map<String, String> environment, Path home) {
        Path cache = path(environment, "XDG_CACHE_HOME").orElse(home.resolve(".cache"));
        Path hugging = path(environment, "HF_HOME").orElse(cache.resolve("huggingface"));
        Path root = path(environment, "HF_HUB_CACHE").orElse(hugging.resolve("hub"));
        String named = environment.getOrDefault("HF_ENDPOINT", "");
        String endpoint =
                named.isBlank() ? "https://huggingface.co" : named.strip().replaceAll("/+$", "");
        if (!endpoint.matches("https?://[^/?#@]+(/[^?#]*)?")) {
            throw new CheckpointException("HF_ENDPOINT is '" + endpoint
                    + "'; an address that begins with https:// or http:// is allowed. Set it right, or unset it.");
        }
        boolean offline = isSet(environment, "HF_HUB_OFFLINE");
        String token = environment.getOrDefault("HF_TOKEN", "").strip();
        if (token.isEmpty() && !isSet(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            token = stored(path(environment, "HF_TOKEN_PATH").orElse(hugging.resolve("token")));
        }
        return new HubCache(root, URI.create(endpoint), token, offline);
    }

    private static boolean isSet(Map<String, String> environment, String name) {
        return YES.contains(environment.getOrDefault(name, "").strip().toLowerCase(Locale.ROOT));
    }

    private static String stored(Path file) {
        if (!Files.isRegularFile(file)) {
            return "";
        }
        String token =
                BoundedFile.text(file, LONGEST_TOKEN, CheckpointException::new).strip();
        if (!token.matches("[!-~]*")) { // the message does not show it
            throw new CheckpointException("File " + file + " holds no token of the hub: a word of letters, digits and"
                    + " signs is expected. Run hf auth login again, or set HF_TOKEN.");
        }
        return token;
    }

    private static Optional<Path> path(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name))
                .filter(text -> !text.isBlank())
                .map(Path::of);
    }

    /**
     * The folder of a model, downloading what is missing.
     *
     * @param model {@code owner/name}
     * @param revision branch, tag or commit, e.g. {@code main}
     * @param observer hears how far each file is
     * @return a folder for {@link HuggingFaceFolder#open}
     * @throws CheckpointException if there is no such model, no right to it, no way to the hub, or its files are wrong
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; what has come is kept
     */
    public Path load(String model, String revision, ProgressObserver observer) {
        Optional<Path> cached = find(model, revision);
        if (cached.isPresent()) {
            return cached.get();
        }
        if (offline) {
            throw new CheckpointException("Model " + model + " (" + revision + ") is not whole in " + root
                    + ", and HF_HUB_OFFLINE forbids downloads. Unset it, or copy the model into the cache.");
        }
        if (!token.isEmpty()) {
            LOG.info("{} is asked for {} with a token", endpoint, model);
        }
        HubDownloader downloader = new HubDownloader(new HubClient(endpoint, token), folder(model), model, observer);
        HubDownloader.Listing listing = downloader.list(revision);
        Path snapshot = folder(model).resolve("snapshots").resolve(listing.commit());
        for (String name : SMALL_FILES) {
            if (listing.files().contains(name)) {
                downloader.fetch(listing.commit(), name);
            }
        }
        for (String name : weights(model, downloader, listing, snapshot)) {
            downloader.fetch(listing.commit(), name);
        }
        if (!revision.equals(listing.commit())) {
            writeRef(folder(model).resolve("refs").resolve(revision), listing.commit());
        }
        return snapshot;
    }

    /**
     * The folder of a tuned SkipGPT, which holds routers, an adapter or both beside a base that is a model of its own.
     *
     * @param model {@code owner/name}
     * @throws CheckpointException if there is no such folder, no right to it, no way to the hub, or its files are wrong
     */
    public Path loadTuned(String model, String revision, ProgressObserver observer) {
        Optional<Path> cached = snapshot(model, revision).filter(s -> Files.isRegularFile(s.resolve(TUNED)));
        if (cached.isPresent()) {
            return cached.get();
        }
        if (offline) {
            throw new CheckpointException("The tuned folder " + model + " (" + revision + ") is not in " + root
                    + ", and HF_HUB_OFFLINE forbids downloads. Unset it, or copy the folder and name its path.");
        }
        HubDownloader downloader = new HubDownloader(new HubClient(endpoint, token), folder(model), model, observer);
        HubDownloader.Listing listing = downloader.list(revision);
        if (!listing.files().contains(TUNED)) {
            throw new CheckpointException("The repository " + model + " on the hub holds no " + TUNED
                    + ", so it is no tuned SkipGPT. Load a model by load(\"" + model + "\").");
        }
        listing.files().stream()
                .filter(name -> TUNED_PARTS.matcher(name).matches())
                .forEach(name -> downloader.fetch(listing.commit(), name));
        downloader.fetch(listing.commit(), TUNED); // last, so that a folder with it is whole
        if (!revision.equals(listing.commit())) {
            writeRef(folder(model).resolve("refs").resolve(revision), listing.commit());
        }
        return folder(model).resolve("snapshots").resolve(listing.commit());
    }

    /** The folder of a model that is whole in the cache. */
    public Optional<Path> find(String model, String revision) {
        return snapshot(model, revision).filter(this::isWhole);
    }

    private Optional<Path> snapshot(String model, String revision) {
        if (!revision.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")) {
            throw new CheckpointException("Revision '" + revision + "' is no branch, tag or commit; try 'main'.");
        }
        Path ref = folder(model).resolve("refs").resolve(revision);
        try {
            String commit = Files.isRegularFile(ref) ? Files.readString(ref).strip() : revision;
            if (!commit.matches("[A-Za-z0-9]{1,64}")) {
                return Optional.empty();
            }
            return Optional.of(folder(model).resolve("snapshots").resolve(commit));
        } catch (IOException e) {
            throw MappedFile.failure(ref, e);
        }
    }

    /** The model's place in the cache. */
    Path folder(String model) {
        if (!model.matches("([A-Za-z0-9_][A-Za-z0-9_.-]{0,95}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")) {
            throw new CheckpointException(
                    "Model '" + model + "' is no name on the hub; write owner/name, e.g. meta-llama/Llama-3.2-1B.");
        }
        return root.resolve("models--" + model.replace("/", "--"));
    }

    private boolean isWhole(Path snapshot) {
        // Other tools fetch weights alone; offline such a folder is still better than none.
        boolean speaks = offline || TOKENIZERS.stream().anyMatch(name -> Files.isRegularFile(snapshot.resolve(name)));
        if (!speaks || !Files.isRegularFile(snapshot.resolve(HuggingFaceFolder.CONFIG))) {
            return false;
        }
        if (Files.isRegularFile(snapshot.resolve(HuggingFaceFolder.WEIGHTS))) {
            return true;
        }
        Path index = snapshot.resolve(HuggingFaceFolder.INDEX);
        return Files.isRegularFile(index)
                && ShardedTensors.weightMap(index).values().stream()
                        .allMatch(shard -> Files.isRegularFile(snapshot.resolve(shard)));
    }

    private static List<String> weights(
            String model, HubDownloader downloader, HubDownloader.Listing listing, Path snapshot) {
        if (listing.files().contains(HuggingFaceFolder.WEIGHTS)) {
            return List.of(HuggingFaceFolder.WEIGHTS);
        }
        if (!listing.files().contains(HuggingFaceFolder.INDEX)) {
            throw new CheckpointException("Model " + model + " has no " + HuggingFaceFolder.WEIGHTS + " and no "
                    + HuggingFaceFolder.INDEX + " on the hub. Choose a model with safetensors weights.");
        }
        downloader.fetch(listing.commit(), HuggingFaceFolder.INDEX);
        Path index = snapshot.resolve(HuggingFaceFolder.INDEX);
        return new ArrayList<>(
                new LinkedHashSet<>(ShardedTensors.weightMap(index).values()));
    }

    private static void writeRef(Path ref, String commit) {
        AtomicFile.makeFolder(ref.resolveSibling("").normalize(), ref);
        AtomicFile.write(ref, commit);
    }

    /** Without the token: it is no one's business. */
    @Override
    public String toString() {
        return root + " from " + endpoint + (offline ? ", offline" : "") + (token.isEmpty() ? "" : ", with a token");
    }
}
