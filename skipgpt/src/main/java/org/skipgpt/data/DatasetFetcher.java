package org.skipgpt.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;

/**
 * Brings the files of a data set here: from a local folder where they are, else from the official source.
 *
 * <p>Nothing is downloaded without a call that names the licence. Local files stand in
 * {@code <local>/<data set>/<path>} or {@code <local>/<data set>/<file name>}; downloaded ones in the first form under the target folder. What
 * is known of size and sha256 is checked on both.
 *
 * <pre>{@code
 * var piqa = DatasetManifest.builtIn().get("piqa");
 * var files = DatasetFetcher.into(Path.of("data")).fetch(piqa, piqa.licence(), ConsoleObserver.on(System.err));
 * }</pre>
 *
 * @param target where downloads go
 * @param local a folder looked into first; the environment variable SKIPGPT_DATA names it
 */
public record DatasetFetcher(Path target, Optional<Path> local) {
    /** Downloads to a folder, after looking into the folder that SKIPGPT_DATA names. */
    public static DatasetFetcher into(Path target) {
        String set = System.getenv("SKIPGPT_DATA");
        return new DatasetFetcher(target, set == null || set.isBlank() ? Optional.empty() : Optional.of(Path.of(set)));
    }

    /** With another local folder. */
    public DatasetFetcher withLocal(Path folder) {
        return new DatasetFetcher(target, Optional.of(folder));
    }

    /**
     * The data set's files if all are here already; nothing is downloaded.
     *
     * @throws DataException if a file is here with a wrong size or sha256
     */
    public Optional<List<Path>> find(Dataset dataset) {
        List<Path> found = new ArrayList<>();
        for (DataFile file : dataset.files()) {
            here(dataset, file).ifPresent(found::add);
        }
        return found.size() == dataset.files().size() ? Optional.of(found) : Optional.empty();
    }

    /**
     * The data set's files, downloading those that are not here yet. A stopped download is resumed by the next call.
     *
     * @param acceptedLicence the licence's name as the data set has it, to say that its terms were read
     * @throws DataException if the licence is not accepted, a file must be brought by the user, or a download fails
     */
    public List<Path> fetch(Dataset dataset, String acceptedLicence, ProgressObserver observer) {
        List<Path> files = new ArrayList<>();
        List<DataFile> missing = new ArrayList<>();
        for (DataFile file : dataset.files()) {
            Optional<Path> here = here(dataset, file);
            files.add(here.orElseGet(() -> downloaded(dataset, file)));
            if (here.isEmpty()) {
                missing.add(file);
            }
        }
        if (missing.isEmpty()) {
            return files;
        }
        check(dataset, missing, acceptedLicence);
        for (DataFile file : missing) {
            Path target = downloaded(dataset, file);
            if (file.member().isPresent()) {
                ZipMember.unpack(
                        archive(dataset, file.archive(), observer),
                        file.member().get(),
                        target);
            } else {
                download(dataset, file, observer);
            }
        }
        return files;
    }

    // An archive stays beside what was taken from it: several files may come from one.
    private Path archive(Dataset dataset, DataFile archive, ProgressObserver observer) {
        return here(dataset, archive).orElseGet(() -> download(dataset, archive, observer));
    }

    private Path download(Dataset dataset, DataFile file, ProgressObserver observer) {
        Path target = downloaded(dataset, file);
        new FileDownload(file, target, dataset.name() + "/" + file.path(), observer).run();
        return target;
    }

    private void check(Dataset dataset, List<DataFile> missing, String acceptedLicence) {
        String own = missing.stream()
                .filter(file -> file.url().isEmpty())
                .map(DataFile::path)
                .collect(Collectors.joining(", "));
        if (!own.isEmpty()) {
            throw new DataException(
                    "data set \"" + dataset.name() + "\" is not given out for download: put your copy of "
                            + own + " into <folder>/" + dataset.name() + "/ and set SKIPGPT_DATA to <folder>; see "
                            + dataset.source() + ". " + dataset.note());
        }
        if (!acceptedLicence.equals(dataset.licence())) {
            throw new DataException("data set \"" + dataset.name() + "\" is under the licence \"" + dataset.licence()
                    + "\", " + dataset.licenceUrl() + "; accepted was \"" + acceptedLicence
                    + "\"; read it and pass its name, dataset.licence(), to download");
        }
    }

    private Path downloaded(Dataset dataset, DataFile file) {
        return inside(target.resolve(dataset.name()), file.path());
    }

    private static Path inside(Path folder, String path) {
        Path file = folder.resolve(path).normalize();
        if (!file.startsWith(folder.normalize())) {
            throw new DataException("file \"" + path + "\" leaves its data set's folder; the manifest is faulty");
        }
        return file;
    }

    private Optional<Path> here(Dataset dataset, DataFile file) {
        List<Path> candidates = new ArrayList<>();
        local.ifPresent(folder -> {
            Path own = folder.resolve(dataset.name());
            candidates.add(inside(own, file.path()));
            candidates.add(own.resolve(String.valueOf(Path.of(file.path()).getFileName())));
        });
        candidates.add(downloaded(dataset, file));
        Optional<Path> found = candidates.stream().filter(Files::isRegularFile).findFirst();
        if (file.member().isEmpty()) {
            found.ifPresent(path -> FileDownload.check(path, file, Sha256::of));
        }
        return found;
    }
}
