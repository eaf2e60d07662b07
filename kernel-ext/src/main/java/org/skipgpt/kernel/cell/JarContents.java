package org.skipgpt.kernel.cell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a jar has, as far as the kernel must know before it opens it: to look through all jars of a class path takes half as
 * long as all else of a start, so the kernelspec brings what was found when it was written.
 *
 * @param packages its packages
 * @param services the services it provides
 * @param others the jars that its manifest names, as they are written there
 */
record JarContents(Set<String> packages, Set<String> services, List<String> others) {
    /** A jar that was written anew is looked through anew. */
    record Stamp(Path path, long bytes, long modifiedMillis) {
        /** The stamp of a file; nothing where there is none. */
        static @Nullable Stamp of(Path path) throws IOException {
            return Files.isRegularFile(path)
                    ? new Stamp(
                            path,
                            Files.size(path),
                            Files.getLastModifiedTime(path).toMillis())
                    : null;
        }
    }

    private static final Pattern VERSION = Pattern.compile("^META-INF/versions/\\d+/"); // of a multi-release jar
    private static final String SERVICES = "META-INF/services/";
    private static final String FIELD = "\t";
    private static final String ITEM = " ";
    private static final String UNNAMED = "."; // the package without a name
    private static final int FIELDS = 6;

    /** Looks through a jar. */
    static JarContents of(Path path) throws IOException {
        Set<String> packages = new TreeSet<>();
        Set<String> services = new TreeSet<>();
        List<String> others = new ArrayList<>();
        try (JarFile jar = new JarFile(path.toFile(), false)) {
            Set<String> folders = new HashSet<>();
            for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements(); ) {
                String name = entries.nextElement().getName();
                if (name.endsWith(".class")) {
                    folders.add(name.substring(0, name.lastIndexOf('/') + 1));
                } else if (name.startsWith(SERVICES) && !name.endsWith("/")) {
                    services.add(name.substring(SERVICES.length()));
                }
            }
            for (String folder : folders) {
                String plain = VERSION.matcher(folder).replaceFirst("");
                packages.add(
                        plain.isEmpty()
                                ? ""
                                : plain.substring(0, plain.length() - 1).replace('/', '.'));
            }
            Manifest manifest = jar.getManifest();
            String text = manifest == null ? null : manifest.getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
            if (text != null) {
                others.addAll(List.of(text.strip().split("\\s+")));
            }
        }
        return new JarContents(packages, services, others);
    }

    /** The lines of a file of contents. */
    static List<String> lines(Map<Stamp, JarContents> all) {
        List<String> lines = new ArrayList<>();
        all.forEach((stamp, jar) -> lines.add(String.join(
                FIELD,
                stamp.path().toString(),
                String.valueOf(stamp.bytes()),
                String.valueOf(stamp.modifiedMillis()),
                jar.packages().stream()
                        .map(name -> name.isEmpty() ? UNNAMED : name)
                        .collect(Collectors.joining(ITEM)),
                String.join(ITEM, jar.services()),
                String.join(ITEM, jar.others()))));
        return lines;
    }

    /** Reads a file of contents; what cannot be read is left out, and looked through again. */
    static Map<Stamp, JarContents> read(Path file) throws IOException {
        Map<Stamp, JarContents> all = new LinkedHashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] fields = line.split(FIELD, -1);
            if (fields.length == FIELDS) {
                Stamp stamp = new Stamp(Path.of(fields[0]), Long.parseLong(fields[1]), Long.parseLong(fields[2]));
                all.put(stamp, new JarContents(items(fields[3]), items(fields[4]), List.copyOf(items(fields[5]))));
            }
        }
        return all;
    }

    private static Set<String> items(String field) {
        Set<String> items = new LinkedHashSet<>();
        for (String item : field.isEmpty() ? new String[0] : field.split(ITEM)) {
            items.add(item.equals(UNNAMED) ? "" : item);
        }
        return items;
    }
}
