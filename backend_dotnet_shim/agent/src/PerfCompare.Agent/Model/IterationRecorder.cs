namespace PerfCompare.Agent.Model;

/// <summary>
/// Collects the model calls of one iteration. The transport finds it through the execution context,
/// since the libraries above it pass nothing of ours along.
/// </summary>
internal sealed class IterationRecorder(string runId, long sequence, CancellationToken cancelled)
{
    private static readonly AsyncLocal<IterationRecorder?> s_current = new();

    private readonly List<ModelExchange> _exchanges = new(1);

    // Made before the clock starts; an iteration with more calls makes theirs on the way.
    private ModelExchange? _prepared = Prepare(runId, sequence, 1, cancelled);

    public static IterationRecorder? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    public IReadOnlyList<ModelExchange> Exchanges => _exchanges;

    public ModelExchange Begin()
    {
        var exchange = _prepared ?? Prepare(runId, sequence, _exchanges.Count + 1, cancelled);
        _prepared = null;
        _exchanges.Add(exchange);
        return exchange;
    }

    private static ModelExchange Prepare(string runId, long sequence, int call, CancellationToken cancelled) =>
        new(TraceIds.Derive(runId, sequence, call).TraceParent, cancelled);
}
