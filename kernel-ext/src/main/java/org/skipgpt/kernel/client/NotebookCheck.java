package org.skipgpt.kernel.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Compares stored notebooks with executed ones: same source, no error in either, and outputs kept.
 *
 * @param notebooks notebooks compared
 * @param codeCells code cells compared
 * @param outputs stored outputs looked at
 * @param pictures stored pictures among them
 * @param faults what is wrong; empty where all is well
 */
public record NotebookCheck(int notebooks, int codeCells, int outputs, int pictures, List<String> faults) {
    /**
     * Checks; exit code 0 where all is well, 1 where not, 2 for a wrong command line.
     *
     * @param arguments folder of the stored notebooks, folder of the executed ones
     */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2) {
            System.err.println("usage: NotebookCheck STORED_FOLDER EXECUTED_FOLDER");
            System.exit(2);
        }
        NotebookCheck check = of(Path.of(arguments[0]), Path.of(arguments[1]));
        check.faults().forEach(System.out::println);
        System.out.println("checked " + check.notebooks() + " notebooks, " + check.codeCells() + " code cells, "
                + check.outputs() + " outputs, " + check.pictures() + " pictures: "
                + (check.faults().isEmpty() ? "no fault" : check.faults().size() + " faults"));
        System.exit(check.faults().isEmpty() ? 0 : 1);
    }

    /** Checks all notebooks of a folder against the executed ones of the same names. */
    public static NotebookCheck of(Path stored, Path executed) throws IOException {
        List<String> faults = new ArrayList<>();
        int codeCells = 0;
        int outputs = 0;
        int pictures = 0;
        List<Path> files = RunnerOptions.notebooks(stored);
        if (files.isEmpty()) {
            faults.add(stored + " holds no notebook");
        }
        for (Path file : files) {
            String name = String.valueOf(file.getFileName());
            NotebookDocument document = NotebookDocument.read(file);
            Path other = executed.resolve(name);
            if (Files.isRegularFile(other)) {
                compare(name, document, NotebookDocument.read(other), faults);
            } else {
                faults.add(name + ": was not executed; there is no " + other);
            }
            for (JsonObject cell : code(document)) {
                codeCells++;
                for (JsonElement output : cell.getAsJsonArray("outputs")) {
                    outputs++;
                    pictures += isPicture(output.getAsJsonObject()) ? 1 : 0;
                }
            }
        }
        return new NotebookCheck(files.size(), codeCells, outputs, pictures, faults);
    }

    private static void compare(String name, NotebookDocument stored, NotebookDocument executed, List<String> faults) {
        List<JsonObject> first = stored.cells();
        List<JsonObject> second = executed.cells();
        if (first.size() != second.size()) {
            faults.add(name + ": " + first.size() + " cells stored, " + second.size()
                    + " executed; run it again and store the result");
            return;
        }
        for (int i = 0; i < first.size(); i++) {
            if (!NotebookDocument.source(first.get(i)).equals(NotebookDocument.source(second.get(i)))) {
                faults.add(name + ", cell " + (i + 1) + ": stored and executed source differ");
            }
        }
        errors(name + " (stored)", stored, faults);
        errors(name + " (executed)", executed, faults);
    }

    private static void errors(String name, NotebookDocument document, List<String> faults) {
        int number = 0;
        for (JsonObject cell : code(document)) {
            number++;
            String source = NotebookDocument.source(cell);
            boolean isSkipped = source.isBlank() || NotebookDocument.hasTag(cell, "skip-execution");
            if (!isSkipped
                    && (!cell.has("execution_count")
                            || cell.get("execution_count").isJsonNull())) {
                faults.add(name + ", code cell " + number + ": was never run");
            }
            boolean mayFail = NotebookDocument.hasTag(cell, "raises-exception");
            for (JsonElement output : cell.getAsJsonArray("outputs")) {
                JsonObject content = output.getAsJsonObject();
                if (!mayFail && content.get("output_type").getAsString().equals("error")) {
                    faults.add(name + ", code cell " + number + ": "
                            + content.get("ename").getAsString());
                }
            }
        }
    }

    private static List<JsonObject> code(NotebookDocument document) {
        return document.cells().stream().filter(NotebookDocument::isCode).toList();
    }

    private static boolean isPicture(JsonObject output) {
        return output.has("data")
                && output.getAsJsonObject("data").keySet().stream().anyMatch(type -> type.startsWith("image/"));
    }
}
