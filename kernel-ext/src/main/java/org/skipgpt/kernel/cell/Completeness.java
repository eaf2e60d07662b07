package org.skipgpt.kernel.cell;

import java.util.Locale;
import java.util.Objects;
import jdk.jshell.Snippet;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;

/** Whether code could run as it stands; JShell alone calls much broken code complete. */
public enum Completeness {
    COMPLETE,
    INCOMPLETE,
    INVALID;

    /** Judges code without running it. */
    public static Completeness of(SourceCodeAnalysis analysis, String code) {
        String rest = code;
        while (!rest.isBlank()) {
            CompletionInfo info = analysis.analyzeCompletion(rest);
            switch (info.completeness()) {
                case EMPTY -> {
                    return COMPLETE;
                }
                // "if (a)" could end here with an empty statement, but nobody who types it means that
                case DEFINITELY_INCOMPLETE, CONSIDERED_INCOMPLETE -> {
                    return INCOMPLETE;
                }
                case UNKNOWN -> {
                    return INVALID;
                }
                default -> {}
            }
            // JShell calls an expression erroneous where it does not know a name; the name may still be declared
            boolean isSuspect =
                    analysis.sourceToSnippets(info.source()).stream().anyMatch(s -> s.kind() == Snippet.Kind.ERRONEOUS);
            if (isSuspect && !Syntax.isJava(info.source())) {
                return INVALID;
            }
            rest = Objects.requireNonNullElse(info.remaining(), "");
        }
        return COMPLETE;
    }

    /** The word of the Jupyter protocol. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
