package org.skipgpt.weights;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.skipgpt.io.TensorSource;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * Reads modules of a model from its files, as loading reads them.
 *
 * <p>Its arrays have an owner of their own: whoever frees the model does so while it holds the model's memory, and must not wait for
 * a reading that wants it too.
 */
final class ModuleReader implements WeightStream.Source {
    private final TensorSource source;
    private final NDManager owner;
    private final WeightStore order;
    private final WeightLoader loader;
    private final AtomicLong bytes = new AtomicLong();

    ModuleReader(Device device, Dtype dtype, TensorSource files, WeightLoader loader) {
        this.source = files.reading(bytes::addAndGet);
        this.owner = Torch.manager(device);
        this.order = new WeightStore(owner, dtype);
        this.loader = loader.over(source, owner);
    }

    @Override
    public List<NDArray> read(ModuleSite site, boolean reordered) {
        source.checkUnchanged();
        List<NDArray> arrays = loader.module(site);
        try {
            // A file that was written meanwhile may have given some of the old and some of the new.
            source.checkUnchanged();
            return reordered ? inOrder(arrays) : arrays;
        } catch (RuntimeException | Error e) {
            arrays.forEach(NDArray::close);
            throw e;
        }
    }

    private List<NDArray> inOrder(List<NDArray> arrays) {
        List<NDArray> all = new ArrayList<>();
        for (NDArray array : arrays) {
            if (array.getShape().dimension() != 2) {
                all.add(array);
                continue;
            }
            all.add(order.reordered(array));
            array.close();
        }
        return all;
    }

    @Override
    public long bytes() {
        return bytes.get();
    }

    @Override
    public void close() {
        source.close();
        owner.close();
    }
}
