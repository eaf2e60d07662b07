package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.JShell;
import jdk.jshell.MethodSnippet;
import jdk.jshell.PersistentSnippet;
import jdk.jshell.Snippet;
import jdk.jshell.Snippet.Status;
import jdk.jshell.SnippetEvent;
import jdk.jshell.VarSnippet;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/**
 * What the declarations of a session are worth: JShell takes declarations whose names are not there yet, and takes values
 * away where a type is declared anew, both without a word.
 */
final class Ledger {
    /** A variable whose value is gone. */
    private record Loss(String because) {}

    private static final Pattern RESULT = Pattern.compile("\\$\\d+");
    private static final Loss NOT_KEPT = new Loss("only the last few results without a name are kept");

    private final JShell shell;
    private final SnippetPlaces places;
    private final Map<String, Loss> lost = new LinkedHashMap<>(); // by the variable's name
    private final Map<String, Loss> lostNow = new LinkedHashMap<>(); // in the cell that runs
    private final Map<String, Snippet> touched = new LinkedHashMap<>(); // declared or hidden in the cell that runs

    Ledger(JShell shell, SnippetPlaces places) {
        this.shell = shell;
        this.places = places;
    }

    /** A snippet was evaluated. */
    synchronized void declared(Snippet snippet) {
        if (snippet instanceof VarSnippet variable) {
            lost.remove(variable.name());
            lostNow.remove(variable.name());
        }
        touched.put(snippet.id(), snippet);
    }

    /** An earlier declaration changed, because of another; true where a variable lost its value by it. */
    synchronized boolean changed(SnippetEvent event) {
        Snippet snippet = event.snippet();
        if (event.status() == Status.OVERWRITTEN || event.causeSnippet() == null) {
            return false;
        }
        touched.put(snippet.id(), snippet);
        boolean hadValue = snippet instanceof VarSnippet && event.previousStatus() == Status.VALID;
        if (hadValue && (event.status() != Status.VALID || event.isSignatureChange())) {
            Loss loss = new Loss(name(event.causeSnippet()) + " was declared anew");
            lost.put(name(snippet), loss);
            lostNow.put(name(snippet), loss);
            return true;
        }
        return false;
    }

    /** What the reader should know of the cell that ends now. */
    synchronized List<String> notices() {
        List<String> notices = new ArrayList<>();
        Map<String, List<String>> byReason = lostNow.entrySet().stream()
                .collect(Collectors.groupingBy(
                        entry -> entry.getValue().because(),
                        LinkedHashMap::new,
                        Collectors.mapping(Map.Entry::getKey, Collectors.toList())));
        byReason.forEach((reason, names) -> notices.add("Note: " + String.join(", ", names)
                + (names.size() == 1 ? " has lost its value" : " have lost their values") + ", because " + reason
                + "; run the cells that set " + (names.size() == 1 ? "it" : "them") + " again"));
        touched.values().stream()
                .filter(snippet -> !lostNow.containsKey(name(snippet)))
                .flatMap(snippet -> waiting(snippet).stream())
                .map(text -> "Note: " + text)
                .forEach(notices::add);
        lostNow.clear();
        touched.clear();
        return notices;
    }

    /** What a declaration waits for, as a sentence; empty where it can be used. */
    Optional<String> waiting(Snippet snippet) {
        Status status = shell.status(snippet);
        if (status != Status.RECOVERABLE_DEFINED && status != Status.RECOVERABLE_NOT_DEFINED) {
            return Optional.empty();
        }
        Place place = places.get(snippet.id());
        String where = place == null ? "" : " (" + place.describe(1) + ")";
        String reason = needs(snippet);
        return Optional.of(name(snippet) + where + " cannot be used yet: " + reason);
    }

    /** Why a name is not there although it was declared; empty where it never was. */
    synchronized Optional<String> hint(String name) {
        Loss loss = isLostResult(name) ? NOT_KEPT : lost.get(name);
        if (loss != null) {
            return Optional.of(name + " has lost its value, because " + loss.because() + "; set it again");
        }
        return shell.snippets()
                .filter(snippet -> name(snippet).equals(name))
                .flatMap(snippet -> waiting(snippet).stream())
                .findFirst();
    }

    private boolean isLostResult(String name) {
        return RESULT.matcher(name).matches()
                && shell.variables().noneMatch(variable -> variable.name().equals(name));
    }

    /** What a list of declarations says beside one: that it waits, or lost its value; empty where all is well. */
    synchronized Optional<String> remark(Snippet snippet) {
        Loss loss = snippet instanceof VarSnippet ? lost.get(name(snippet)) : null;
        return loss != null ? Optional.of("lost its value, because " + loss.because()) : waiting(snippet);
    }

    private String needs(Snippet snippet) {
        String names = snippet instanceof DeclarationSnippet declaration
                ? shell.unresolvedDependencies(declaration).collect(Collectors.joining(", "))
                : "";
        if (!names.isEmpty()) {
            boolean isAbstract = snippet instanceof MethodSnippet method && names.contains("method " + method.name());
            return isAbstract ? "it has no body; give it one" : "it needs " + names + "; declare what is missing first";
        }
        String error = shell.diagnostics(snippet)
                .filter(Diag::isError)
                .map(diag -> SnippetPlaces.unwrapped(diag.getMessage(Locale.ROOT))
                        .lines()
                        .findFirst()
                        .orElse(""))
                .findFirst()
                .orElse("it no longer fits the other declarations");
        return error + "; correct it and run its cell again";
    }

    private static String name(Snippet snippet) {
        return snippet instanceof PersistentSnippet persistent ? persistent.name() : snippet.source();
    }
}
