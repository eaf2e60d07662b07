package org.skipgpt.kernel.cell;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * Javadoc of libraries that carry their sources as resources, {@code META-INF/sources/org/skipgpt/SkipGpt.java}, or have
 * {@link AttachedDocs}.
 *
 * <p>JShell itself finds the sources of the JDK only.
 */
final class LibrarySources {
    /**
     * One documented declaration.
     *
     * @param parameters number of parameters; -1 for what is no method
     * @param doc the Javadoc comment
     */
    private record Documented(int parameters, String doc) {}

    // package with its last dot, class, nested class, member
    private static final Pattern PATH =
            Pattern.compile("((?:[a-z]\\w*\\.)*)([A-Z]\\w*)(?:\\.([A-Z]\\w*))?(?:\\.([a-zA-Z_]\\w*))?");

    /** Class name to member name to its declarations; the class itself is the member with the empty name. */
    private final Map<String, Map<String, List<Documented>>> classes = new ConcurrentHashMap<>();

    /**
     * The Javadoc of a declaration; empty where there is no source or no comment.
     *
     * @param attached the documentation beside the jars of the class path
     * @param className full name of the top-level class
     * @param member simple name of the method, field or nested class; empty for the class
     * @param parameters number of parameters; -1 for what is no method
     */
    private String doc(AttachedDocs attached, String className, String member, int parameters) {
        Map<String, List<Documented>> members = classes.get(className);
        if (members == null) {
            members = read(attached, className);
            if (!members.isEmpty()) { // a jar with it may still be added
                classes.put(className, members);
            }
        }
        if (members.isEmpty()) {
            return attached.page(className)
                    .map(page -> new JavadocPage(page, className.substring(className.lastIndexOf('.') + 1)))
                    .map(page -> page.doc(member, parameters))
                    .orElse("");
        }
        List<Documented> found = members.getOrDefault(member, List.of());
        return found.stream()
                .filter(one -> one.parameters() == parameters)
                .findFirst()
                .or(() -> found.stream().findFirst())
                .map(Documented::doc)
                .orElse("");
    }

    /**
     * The Javadoc of what JShell calls a signature, e.g. {@code int A.b(int c)}.
     *
     * @param attached the documentation beside the jars of the class path
     * @param signature the signature
     * @param packages packages to look in where the signature names none
     */
    String doc(AttachedDocs attached, String signature, List<String> packages) {
        String flat = flat(signature);
        int open = flat.indexOf('(');
        String path = open < 0 ? flat.replaceFirst("\\s*:.*", "") : flat.substring(0, open); // a field is "A.b:int"
        Matcher matcher = PATH.matcher(path.substring(path.lastIndexOf(' ') + 1));
        if (!matcher.matches()) {
            return "";
        }
        String parameters =
                open < 0 ? "" : flat.substring(open + 1, flat.lastIndexOf(')')).strip();
        int count = open < 0 ? -1 : parameters.isEmpty() ? 0 : parameters.split(",").length;
        List<String> prefixes = matcher.group(1).isEmpty() ? packages : List.of(matcher.group(1));
        for (String prefix : prefixes) {
            String doc = doc(attached, prefix + matcher.group(2), matcher.group(3), matcher.group(4), count);
            if (!doc.isEmpty()) {
                return doc;
            }
        }
        return "";
    }

    private String doc(
            AttachedDocs attached, String className, @Nullable String nested, @Nullable String member, int count) {
        if (member != null) {
            return doc(attached, className, member, count);
        }
        String ofConstructor = nested == null && count >= 0 ? doc(attached, className, "<init>", count) : "";
        return ofConstructor.isEmpty() ? doc(attached, className, nested == null ? "" : nested, -1) : ofConstructor;
    }

    /** A signature without type arguments and without the record headers that newer JDKs put into names. */
    static String flat(String signature) {
        String text = signature;
        String before;
        do {
            before = text;
            text = text.replaceAll("<[^<>]*>", "").replaceAll("\\([^()]*\\)(?=[.(])", "");
        } while (!text.equals(before));
        return text;
    }

    private static Map<String, List<Documented>> read(AttachedDocs attached, String className) {
        Map<String, List<Documented>> members = new HashMap<>();
        String resource = "META-INF/sources/" + className.replace('.', '/') + ".java";
        try (var in = LibrarySources.class.getClassLoader().getResourceAsStream(resource)) {
            JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
            String source = in == null ? attached.source(className).orElse("") : new String(in.readAllBytes(), UTF_8);
            if (source.isEmpty() || compiler == null) {
                return members;
            }
            JavacTask task = (JavacTask) compiler.getTask(
                    null, null, diagnostic -> {}, List.of("-proc:none"), null, List.of(new Source(resource, source)));
            for (CompilationUnitTree unit : task.parse()) {
                new Collector(DocTrees.instance(task), members).scan(unit, null);
            }
        } catch (IOException e) {
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.DEBUG, "no source of " + className, e);
        }
        return members;
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(URI.create("string:///" + name), JavaFileObject.Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    /** Walks through a source file. */
    private static final class Collector extends TreePathScanner<@Nullable Void, @Nullable Void> {
        private final DocTrees docs;
        private final Map<String, List<Documented>> members;

        Collector(DocTrees docs, Map<String, List<Documented>> members) {
            this.docs = docs;
            this.members = members;
        }

        @Override
        public @Nullable Void visitClass(ClassTree tree, @Nullable Void unused) {
            boolean isTop = getCurrentPath().getParentPath().getLeaf() instanceof CompilationUnitTree;
            put(isTop ? "" : tree.getSimpleName().toString(), -1);
            return super.visitClass(tree, null);
        }

        @Override
        public @Nullable Void visitMethod(MethodTree tree, @Nullable Void unused) {
            put(tree.getName().toString(), tree.getParameters().size());
            return null; // nothing inside a method is documented
        }

        @Override
        public @Nullable Void visitVariable(VariableTree tree, @Nullable Void unused) {
            put(tree.getName().toString(), -1);
            return null;
        }

        private void put(String name, int parameters) {
            TreePath path = getCurrentPath();
            DocCommentTree comment = docs.getDocCommentTree(path);
            if (comment != null) {
                members.computeIfAbsent(name, key -> new ArrayList<>())
                        .add(new Documented(parameters, comment.toString()));
            }
        }
    }
}
