package org.skipgpt.plot;

import java.util.HashSet;
import java.util.Set;
import org.skipgpt.report.Column;
import org.skipgpt.report.Measured;
import org.skipgpt.report.TextTable;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/** Results as Tablesaw tables, to sort, filter and join. */
public final class Dataframe {
    private Dataframe() {}

    /**
     * All rows of a table; a standard error becomes a column of its own, an absent number a missing value, and columns
     * of the same name are numbered.
     */
    public static Table of(TextTable table) {
        Table out = Table.create(table.title());
        Set<String> names = new HashSet<>();
        for (int c = 0; c < table.columns().size(); c++) {
            Column column = table.columns().get(c);
            String name = column.name();
            for (int i = 2; !names.add(name); i++) {
                name = column.name() + " " + i;
            }
            if (column.isNumber()) {
                addNumbers(out, table, c, name);
            } else {
                StringColumn words = StringColumn.create(name);
                for (TextTable.Row row : table.rows()) {
                    words.append(row.cells().get(c).toString());
                }
                out.addColumns(words);
            }
        }
        return out;
    }

    private static void addNumbers(Table out, TextTable table, int place, String name) {
        DoubleColumn values = DoubleColumn.create(name);
        DoubleColumn errors = DoubleColumn.create(name + " stderr");
        boolean any = false;
        for (TextTable.Row row : table.rows()) {
            Object cell = row.cells().get(place);
            if (cell instanceof Measured measured) {
                values.append(measured.value());
                errors.append(measured.error());
                any = true;
            } else {
                values.append(((Number) cell).doubleValue());
                errors.appendMissing();
            }
        }
        out.addColumns(values);
        if (any) {
            out.addColumns(errors);
        }
    }
}
