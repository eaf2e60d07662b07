package org.skipgpt.kernel.cell;

import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Whether a piece of code is Java by its form, whatever its names mean. */
final class Syntax {
    // where a snippet may stand: as an expression, as a statement, as a member, as a file
    private static final List<String> PLACES = List.of(
            "class A { Object a() { return (%s\n); } }", "class A { void a() { %s\n } }", "class A { %s\n }", "%s");

    private Syntax() {}

    /** Whether the code could stand anywhere in a Java file. */
    static boolean isJava(String code) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        return compiler == null || PLACES.stream().anyMatch(place -> parses(compiler, place.replace("%s", code)));
    }

    private static boolean parses(JavaCompiler compiler, String file) {
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        JavacTask task = (JavacTask)
                compiler.getTask(null, null, diagnostics, List.of("-proc:none"), null, List.of(source(file)));
        try {
            task.parse();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return diagnostics.getDiagnostics().stream().noneMatch(found -> found.getKind() == Diagnostic.Kind.ERROR);
    }

    private static JavaFileObject source(String text) {
        return new SimpleJavaFileObject(URI.create("string:///A.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return text;
            }
        };
    }
}
