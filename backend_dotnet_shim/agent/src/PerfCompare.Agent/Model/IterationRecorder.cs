namespace PerfCompare.Agent.Model;

/// <summary>
/// Collects the model calls of one iteration. The chat client and the transport find it through the
/// execution context, since the libraries between them pass nothing of ours along.
/// </summary>
internal sealed class IterationRecorder(string runId, long sequence, CancellationToken cancelled)
{
    private static readonly AsyncLocal<IterationRecorder?> s_current = new();

    private readonly List<ModelExchange> _exchanges = new(1);

    // Derived before the clock starts; an iteration with more calls derives theirs on the way.
    private readonly string _firstTraceParent = TraceIds.Derive(runId, sequence, 1).TraceParent;

    public static IterationRecorder? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    public IReadOnlyList<ModelExchange> Exchanges => _exchanges;

    public ModelExchange? Latest => _exchanges.Count > 0 ? _exchanges[^1] : null;

    public ModelExchange Begin()
    {
        var exchange = new ModelExchange(
            _exchanges.Count == 0
                ? _firstTraceParent
                : TraceIds.Derive(runId, sequence, _exchanges.Count + 1).TraceParent,
            cancelled);
        _exchanges.Add(exchange);
        return exchange;
    }
}
