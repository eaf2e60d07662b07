package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jdk.jshell.ImportSnippet;
import jdk.jshell.MethodSnippet;
import jdk.jshell.Snippet;
import jdk.jshell.SourceCodeAnalysis.Documentation;
import jdk.jshell.TypeDeclSnippet;
import jdk.jshell.VarSnippet;

/**
 * What is known about the name at a cursor.
 *
 * @param entries signature and documentation, one for each overload
 */
public record Inspection(List<Entry> entries) {
    private static final Pattern COMMENTED = Pattern.compile("(?s)/\\*\\*(.*?)\\*/\\s*(.*)");
    private static final Pattern IMPORTED = Pattern.compile("import\\s+(?:static\\s+)?([\\w.]+\\.)[\\w*]+");
    private static final LibrarySources SOURCES = new LibrarySources();

    /**
     * One declaration.
     *
     * @param signature e.g. {@code int Math.abs(int)}
     * @param doc its Javadoc as plain text; empty where there is none
     */
    public record Entry(String signature, String doc) {}

    /** Looks up the name at, or the call around, a cursor in UTF-16 units; empty where nothing is known. */
    public static Optional<Inspection> of(CellEngine engine, String code, int cursor) {
        int from = Completions.snippetStart(engine, code, cursor);
        int nameEnd = cursor;
        while (nameEnd < code.length() && Character.isJavaIdentifierPart(code.charAt(nameEnd))) {
            nameEnd++;
        }
        String toName = code.substring(from, nameEnd);
        List<String> tries = new ArrayList<>();
        if (!toName.isBlank() && Character.isJavaIdentifierPart(toName.charAt(toName.length() - 1))) {
            tries.add(toName + "("); // JShell explains a method only inside its parentheses
        }
        tries.add(toName);
        Set<Entry> entries = new LinkedHashSet<>(own(engine, lastName(toName)));
        List<String> packages = packages(engine);
        AttachedDocs attached = new AttachedDocs(engine.classPath());
        if (from > 0) {
            tries.addAll(tries.stream()
                    .map(text -> Completions.asBlock(code.substring(0, from)) + text)
                    .toList());
        }
        for (String text : tries) {
            if (!entries.isEmpty()) {
                break;
            }
            for (Documentation found : engine.analysis().documentation(text, text.length(), true)) {
                String jdk = Objects.requireNonNullElse(found.javadoc(), "");
                String doc = jdk.isEmpty() ? SOURCES.doc(attached, found.signature(), packages) : jdk;
                entries.add(new Entry(shortened(found.signature()), JavadocText.plain(doc)));
            }
        }
        return entries.isEmpty() ? Optional.empty() : Optional.of(new Inspection(List.copyOf(entries)));
    }

    /** The packages, and classes with static names, that the session imports, each with its last dot. */
    private static List<String> packages(CellEngine engine) {
        return engine.declarations()
                .filter(ImportSnippet.class::isInstance)
                .flatMap(snippet -> IMPORTED.matcher(snippet.source()).results()) // the first ones are one snippet
                .map(imported -> imported.group(1))
                .distinct()
                .toList();
    }

    private static String shortened(String signature) {
        return signature
                .replaceAll("\\([^()]*\\)(?=[.(])", "") // record headers that newer JDKs put into names
                .replaceAll("\\b(?:[a-z]\\w*\\.)+(?=[A-Z])", "");
    }

    /** Everything as plain text. */
    public String text() {
        return entries.stream()
                .map(entry -> entry.signature()
                        + (entry.doc().isEmpty()
                                ? ""
                                : "\n" + entry.doc().indent(4).stripTrailing()))
                .collect(Collectors.joining("\n\n"));
    }

    private static List<Entry> own(CellEngine engine, String name) {
        return engine.declarations()
                .flatMap(snippet -> describe(snippet, name).stream())
                .toList();
    }

    private static Optional<Entry> describe(Snippet snippet, String name) {
        if (snippet instanceof VarSnippet variable && variable.name().equals(name)) {
            return Optional.of(new Entry(variable.typeName() + " " + name, ""));
        }
        boolean isNamed = (snippet instanceof MethodSnippet method
                        && method.name().equals(name))
                || (snippet instanceof TypeDeclSnippet type && type.name().equals(name));
        return isNamed ? Optional.of(declared(snippet.source().strip())) : Optional.empty();
    }

    /** The head of a declaration of the session, and the comment above it. */
    private static Entry declared(String source) {
        Matcher commented = COMMENTED.matcher(source);
        boolean hasComment = commented.matches();
        String code = hasComment ? commented.group(2) : source;
        int body = code.indexOf('{');
        String head = body < 0 ? code.lines().findFirst().orElse("") : code.substring(0, body);
        String comment = hasComment ? commented.group(1).replaceAll("(?m)^\\s*\\* ?", "") : "";
        return new Entry(head.strip().replaceAll("\\s+", " "), JavadocText.plain(comment));
    }

    // "a.b" is a member of something, never a variable of the session.
    private static String lastName(String text) {
        int start = text.length();
        while (start > 0 && Character.isJavaIdentifierPart(text.charAt(start - 1))) {
            start--;
        }
        return start > 0 && text.charAt(start - 1) == '.' ? "" : text.substring(start);
    }
}
