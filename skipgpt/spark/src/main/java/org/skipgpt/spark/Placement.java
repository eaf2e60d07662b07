package org.skipgpt.spark;

import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;
import org.jspecify.annotations.Nullable;

/**
 * On which device a task computes: on the GPU whose address Spark gave it, else where the driver does.
 *
 * <p>Spark gives addresses where {@code spark.task.resource.gpu.amount} is set and a discovery script names those of a machine.
 */
final class Placement {
    private static final String GPU = "gpu";

    private Placement() {}

    /** The device of the task that this thread runs, as a workspace takes it; the driver's where it runs none. */
    static String device(String otherwise) {
        @Nullable TaskContext task = TaskContext.get();
        return task == null ? otherwise : device(task.resourcesJMap(), otherwise);
    }

    /**
     * The device of a task's resources.
     *
     * @throws IllegalArgumentException if there are several GPUs, or an address is no number
     */
    static String device(Map<String, ResourceInformation> resources, String otherwise) {
        ResourceInformation gpus = resources.get(GPU);
        if (gpus == null) {
            return otherwise;
        }
        String[] addresses = gpus.addresses();
        if (addresses.length != 1 || !addresses[0].matches("[0-9]{1,4}")) {
            throw new IllegalArgumentException("a task has the GPUs [" + String.join(", ", addresses)
                    + "], but computes on one whose address is a number: set spark.task.resource.gpu.amount=1, and let the"
                    + " discovery script print CUDA's numbers");
        }
        return "cuda:" + addresses[0];
    }
}
