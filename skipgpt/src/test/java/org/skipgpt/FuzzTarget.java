package org.skipgpt;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.skipgpt.data.DataException;
import org.skipgpt.eval.TaskException;
import org.skipgpt.io.CheckpointException;

/**
 * One kind of file that is read from outside.
 *
 * @param name the file's path in its folder
 * @param good an undamaged one
 * @param beside what else must lie in the folder, by path
 */
public record FuzzTarget(String kind, String name, byte[] good, Map<String, byte[]> beside, Reading reading) {
    private static final int FRAMES = 6;
    private static final Pattern AT_ODDS = Pattern.compile("belong together|of the expected family");

    /** Reads a file, whatever that takes. */
    interface Reading {
        /** Takes the file's folder, and the file itself. */
        void of(Path folder, Path file) throws IOException;
    }

    /** A kind for which nothing else must lie in the folder. */
    static FuzzTarget alone(String kind, String name, byte[] good, Reading reading) {
        return new FuzzTarget(kind, name, good, Map.of(), reading);
    }

    /** One file of a folder of several. */
    static FuzzTarget among(String kind, String name, Map<String, byte[]> files, Reading reading) {
        Map<String, byte[]> others = new HashMap<>(files);
        byte[] good = Optional.ofNullable(others.remove(name)).orElseThrow();
        return new FuzzTarget(kind, name, good, others, reading);
    }

    /** Sees that what was read is what was saved; for files that carry a sum, which no damage may get past. */
    static void checkSame(Object saved, Object read) {
        if (!saved.equals(read)) {
            throw new AssertionError("silently read as something else");
        }
    }

    /** Writes the undamaged file and those beside it. */
    public void prepare(Path folder) throws IOException {
        write(folder.resolve(name), good);
        for (Map.Entry<String, byte[]> other : beside.entrySet()) {
            write(folder.resolve(other.getKey()), other.getValue());
        }
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        Files.createDirectories(Optional.ofNullable(file.getParent()).orElseThrow());
        Files.write(file, bytes);
    }

    /** Reads the undamaged file. */
    public void read(Path folder) throws IOException {
        reading.of(folder, folder.resolve(name));
    }

    /** What is wrong with how a damaged file is met; empty where it is read, or refused as it should be. */
    public Optional<String> fault(byte[] damaged, Path folder) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, damaged);
        try {
            reading.of(folder, file);
            return Optional.empty();
        } catch (CheckpointException | DataException | TaskException | IOException | UncheckedIOException e) {
            return unnamed(e, folder, file);
        } catch (IllegalArgumentException e) {
            return e.getClass() == IllegalArgumentException.class
                    ? unnamed(e, folder, file)
                    : Optional.of(e.toString());
        } catch (Throwable e) {
            StackTraceElement[] stack = e.getStackTrace();
            return Optional.of(e + " at " + Arrays.asList(stack).subList(0, Math.min(FRAMES, stack.length)));
        }
    }

    // What lies in several files may be at odds, which is no one file's fault.
    private static Optional<String> unnamed(Exception e, Path folder, Path file) {
        String message = String.valueOf(e.getMessage());
        boolean atOdds = message.startsWith("folder " + folder + " ")
                || (message.contains(folder.toString())
                        && AT_ODDS.matcher(message).find());
        return message.contains(String.valueOf(file.getFileName())) || atOdds
                ? Optional.empty()
                : Optional.of("without the file's name: " + e);
    }

    @Override
    public String toString() {
        return kind;
    }
}
