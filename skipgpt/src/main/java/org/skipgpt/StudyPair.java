package org.skipgpt;

import java.util.ArrayList;
import java.util.List;

/**
 * Two rows that answered the same questions.
 *
 * @param one a row
 * @param other what it is compared with
 */
record StudyPair(StudyRow one, StudyRow other) {
    /** Refuses rows without answers, or of unlike questions. */
    StudyPair {
        for (StudyRow row : List.of(one, other)) {
            if (row.answers().isEmpty() && !row.tasks().isEmpty()) {
                throw new IllegalArgumentException("the row of " + row.method()
                        + " kept no answers, since an earlier version made it: delete its file below rows/, and it is made"
                        + " again");
            }
        }
        boolean alike = one.answers().keySet().equals(other.answers().keySet())
                && one.answers().keySet().stream()
                        .allMatch(task ->
                                one.answer(task).length() == other.answer(task).length());
        if (!alike) {
            throw new IllegalArgumentException("the rows of " + one.method() + " and " + other.method()
                    + " answered unlike questions, so that their difference says nothing");
        }
    }

    /** Each row with the other of its seed; a row that draws nothing stands for every seed. */
    static List<StudyPair> of(List<StudyRow> ones, List<StudyRow> others) {
        List<StudyPair> pairs = new ArrayList<>();
        for (StudyRow one : ones) {
            for (StudyRow other : others) {
                if (one.seed() == other.seed() || one.seed() == 0 || other.seed() == 0) {
                    pairs.add(new StudyPair(one, other));
                }
            }
        }
        return pairs;
    }

    /** Of each task, a number a question: other minus one, 1 for right, averaged over the pairs. */
    static List<double[]> differences(List<StudyPair> pairs) {
        List<double[]> groups = new ArrayList<>();
        for (String task : pairs.get(0).one().answers().keySet()) {
            double[] sum = new double[pairs.get(0).one().answer(task).length()];
            for (StudyPair pair : pairs) {
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += (pair.other().answer(task).charAt(i)
                                    - pair.one().answer(task).charAt(i))
                            / (double) pairs.size();
                }
            }
            groups.add(sum);
        }
        return groups;
    }
}
