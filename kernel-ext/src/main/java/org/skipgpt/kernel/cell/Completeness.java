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
                case DEFINITELY_INCOMPLETE -> {
                    return INCOMPLETE;
                }
                case UNKNOWN -> {
                    return INVALID;
                }
                default -> {}
            }
            boolean isBroken =
                    analysis.sourceToSnippets(info.source()).stream().anyMatch(s -> s.kind() == Snippet.Kind.ERRONEOUS);
            if (isBroken) {
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
